"""What only the other side has: groups or keys over there that the checked table lacks. Counted, never told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from quality.gx.cross_match import match
from quality.gx.cross_rules import grouped_sql
from quality.gx.duck import DuckDBExecutionEngine
from quality.gx.facts import TABLE, Facts
from quality.gx.frame import FrameExecutionEngine
from quality.suite import Expectation

MISSING: Final = "keys_missing"
_KEYS: Final[Mapping[str, tuple[str, str]]] = {
    "expect_totals_to_agree_with_dataset": ("group_columns", "other_group_columns"),
    "expect_counters_to_grow_since_last_release": ("keys", "other_keys"),
}


def only_there(
    expectation: Expectation, facts: Facts, engine: DuckDBExecutionEngine | FrameExecutionEngine
) -> dict[str, int]:
    """How many keys there are over there and how many of them are missing here; {} where the rule does not ask."""
    kwargs = expectation.kwargs
    if not kwargs.get("also_missing") or expectation.type not in _KEYS:
        return {}
    if "dataset" not in kwargs and facts.references.last() is None:
        return {}
    keys = match(kwargs, facts, *_KEYS[expectation.type])
    if isinstance(engine, FrameExecutionEngine):
        data: Any = engine.batch_manager.active_batch_data.dataframe
        there = set(keys.keys_there(keys.held.frame([each.column.name for each in keys.theirs]))) - {None}
        return _counted(len(there), len(there - set(keys.keys_here(data))))
    known = grouped_sql(keys.held.relation, "o", keys.theirs, keys.mine, "count(*)")
    here = grouped_sql(TABLE, "h", keys.mine, keys.theirs, "count(*)")
    same = " AND ".join(f"a.k{place} = b.k{place}" for place in range(len(keys.mine)))
    total, gone = (
        int(engine.rows_of(query)[0][0])
        for query in (
            f"SELECT count(*) FROM ({known})",
            f"SELECT count(*) FROM ({known}) AS a ANTI JOIN ({here}) AS b ON {same}",
        )
    )
    return _counted(total, gone)


def _counted(there: int, missing: int) -> dict[str, int]:
    return {"keys_there": there, MISSING: missing}
