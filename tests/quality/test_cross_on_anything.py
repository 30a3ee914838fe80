"""Both engines on second tables that nobody thought of: cells drawn by Hypothesis, rules from every cross-table type."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from quality.engine import run_suite
from quality.references import References, ReferenceTable
from tests.examples import examples
from tests.quality.cases import Case
from tests.quality.cross_cases import (
    ALSO_MISSING,
    CASES,
    FLOWS,
    HERE,
    LAST_RELEASE,
    MASTER,
    references,
    suite_of,
)
from tests.quality.dealing import hands
from tests.quality.test_engines_agree import differences

pytestmark = [pytest.mark.gx, pytest.mark.slow]


def _pool(values: pa.Array) -> list[Any]:
    """The cells of a nasty column, and some beside them."""
    cells = values.to_pylist()
    more: list[Any] = []
    for cell in cells:
        if isinstance(cell, bool) or cell is None:
            continue
        if isinstance(cell, int) and abs(cell) < 2**40:
            more += [cell + 1, -cell]
        elif isinstance(cell, float):
            more += [cell / 2, cell + 0.1]
        elif hasattr(cell, "hour"):
            more += [cell + timedelta(minutes=5), cell + timedelta(microseconds=1)]
    return [None, *cells, *more]


@st.composite
def drawn(draw: st.DrawFn, columns: dict[str, pa.Array], most: int) -> pa.Table:
    rows = draw(st.integers(0, most))
    arrays = {
        name: pa.array(
            draw(st.lists(st.sampled_from(_pool(values)), min_size=rows, max_size=rows)), values.type
        )
        for name, values in columns.items()
        if name != "__row__"
    }
    if "__row__" in columns:
        keys = draw(st.lists(st.integers(1, 99), min_size=rows, max_size=rows, unique=True))
        arrays["__row__"] = pa.array(keys, pa.int64())
    return pa.table(arrays)


EVERY_TYPE = {name for name, _ in CASES}


# Every type in every example, so each meets four sets of random tables or more in every run.
# No shrinking: a run takes a second, and the message names the one rule that differs.
@settings(
    max_examples=examples(4),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(
    drawn(HERE, 9),
    drawn(MASTER, 6),
    drawn(FLOWS, 7),
    drawn(LAST_RELEASE, 5),
    hands(CASES, EVERY_TYPE, 30),
)
def test_both_engines_agree_on_any_second_table(
    here: pa.Table, master: pa.Table, flows: pa.Table, last: pa.Table, drawn_cases: list[Case]
) -> None:
    cases = [*drawn_cases, *ALSO_MISSING]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = {each: folder / f"{each}.parquet" for each in ("here", "MASTER", "FLOWS", "last")}
        for each, table in (("here", here), ("MASTER", master), ("FLOWS", flows), ("last", last)):
            pq.write_table(table, paths[each])
        known = references(folder / "more")
        tables = known.tables | {each: ReferenceTable(each, paths[each], "") for each in ("MASTER", "FLOWS")}
        used = References(
            tables, known.code_lists, ReferenceTable("HERE", paths["last"], ""), knows_last=True
        )
        one, other = (
            run_suite(suite_of(cases), paths["here"], engine=engine, references=used).expectations
            for engine in ("duckdb", "pandas")
        )
    found = differences(cases, one, other)
    assert not found, "\n".join([*found, *(str(table.to_pylist()) for table in (here, master, flows, last))])
