"""The expectations over several rows or a second table, in Great Expectations' own classes.

`how` carries the arguments of ours; what they mean stands in `quality.gx.cross_rules`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from great_expectations.expectations.core import ExpectColumnValuesToBeInSet
from great_expectations.expectations.expectation import (
    BatchExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from quality.gx.cross_match import Match, match
from quality.gx.cross_rules import BY_TYPE
from quality.gx.cross_tables import LAST
from quality.gx.duck import DuckDBExecutionEngine
from quality.gx.facts import CURRENT, TABLE
from quality.gx.frame import FrameExecutionEngine
from quality.vocabulary import camel

_IGNORED = "any_value_is_missing"


def _record_expectation(name: str, metric: str) -> None:
    """Defining a class registers it under its snake name."""
    body = {
        "__module__": __name__,
        "__annotations__": {"how": Any, "ignore_row_if": str, "map_metric": ClassVar[str], "success_keys": ClassVar[tuple[str, ...]]},
        "ignore_row_if": _IGNORED,
        "map_metric": metric,
        "success_keys": ("how", "mostly"),
    }  # fmt: skip
    type(camel(name), (MulticolumnMapExpectation,), body)


for _name, _rule in BY_TYPE.items():
    _record_expectation(_name, _rule.metric)


class ExpectDelaysToBeBetween(ColumnPairMapExpectation):
    """column_A: since, column_B: until."""

    how: Any
    ignore_row_if: str = "either_value_is_missing"
    map_metric: ClassVar[str] = "column_pair_values.dg_delay"
    domain_keys = (*ColumnPairMapExpectation.domain_keys, "ignore_row_if")
    success_keys: ClassVar[tuple[str, ...]] = ("how", "mostly")


class ExpectCoordinatesToFitCrs(ColumnPairMapExpectation):
    """column_A: longitude, column_B: latitude."""

    area: Any
    crs: str
    ignore_row_if: str = "both_values_are_missing"
    map_metric: ClassVar[str] = "column_pair_values.dg_fits_crs"
    domain_keys = (*ColumnPairMapExpectation.domain_keys, "ignore_row_if")
    success_keys: ClassVar[tuple[str, ...]] = ("area", "crs", "mostly")


class ExpectColumnValuesToBeInCodeList(ExpectColumnValuesToBeInSet):
    """The list was looked up beforehand: `value_set` holds its codes."""


class ExpectRowsToAgreeWithLastRelease(BatchExpectation):
    how: Any
    metric_dependencies = ("table.dg_since_last_release",)
    success_keys = ("how",)

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        found = metrics["table.dg_since_last_release"]
        return {
            "success": _is_near(found, self.configuration.kwargs["how"]),
            "result": {"observed_value": found},
        }


def _is_near(found: dict[str, Any], how: dict[str, Any]) -> bool:
    """Shares of the last release's size, met exactly or less; an empty last release bounds nothing but itself."""
    if found["last_rows"] is None:
        return True
    changed, removed = how.get("max_change"), how.get("max_removed")
    if changed is not None and abs(found["rows"] - found["last_rows"]) > changed * found["last_rows"]:
        return False
    return removed is None or found["keys_removed"] <= removed * found["last_keys"]


class SinceLastRelease(TableMetricProvider):
    """How many rows, and how many keys, there are and were. Keys are counted, never told."""

    metric_name = "table.dg_since_last_release"
    value_keys = ("how",)

    @metric_value(engine=DuckDBExecutionEngine)
    def _duck(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> Any:
        keys, how = _match(metric_value_kwargs), metric_value_kwargs["how"]
        rows = int(execution_engine.rows_of(f"SELECT count(*) FROM {TABLE}")[0][0])
        if keys is None:
            return _counted(rows, None, how)
        last = int(execution_engine.rows_of(f"SELECT count(*) FROM {keys.held.relation}")[0][0])
        if not keys.mine:
            return _counted(rows, last, how)
        present = " AND ".join(f"o.{each.column.sql} IS NOT NULL" for each in keys.theirs)
        names = ", ".join(f"o.{each.column.sql}" for each in keys.theirs)
        known = f"SELECT DISTINCT {names} FROM {keys.held.relation} AS o WHERE {present}"
        gone = f"SELECT count(*) FROM ({known}) AS o ANTI JOIN {TABLE} AS h ON {keys.on('h', 'o')}"
        counts = [
            int(execution_engine.rows_of(query)[0][0]) for query in (f"SELECT count(*) FROM ({known})", gone)
        ]
        return _counted(rows, last, how, counts[0], counts[1])

    @metric_value(engine=FrameExecutionEngine)
    def _frame(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> Any:
        keys, how = _match(metric_value_kwargs), metric_value_kwargs["how"]
        data = execution_engine.batch_manager.active_batch_data.dataframe
        if keys is None:
            return _counted(len(data), None, how)
        before = keys.held.frame(list(keys.held.columns))
        if not keys.mine:
            return _counted(len(data), len(before), how)
        known = set(keys.keys_there(before)) - {None}
        return _counted(len(data), len(before), how, len(known), len(known - set(keys.keys_here(data))))


def _match(args: Any) -> Match | None:
    """The keys here and there (none where the rule names none); None before the first release."""
    facts, how = CURRENT.get(), args["how"]
    if facts.references.last() is None:
        return None
    return match(how, facts, "keys", "other_keys") if how.get("keys") else Match(facts.others[LAST], [], [])


def _counted(
    rows: int, last_rows: int | None, how: dict[str, Any], last_keys: int = 0, removed: int = 0
) -> dict[str, Any]:
    found: dict[str, Any] = {"rows": rows, "last_rows": last_rows}
    if how.get("keys") and last_rows is not None:
        found |= {"last_keys": last_keys, "keys_removed": removed}
    return found
