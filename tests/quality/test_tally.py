"""What is judged value by value, or by sorted hashes, is judged as it was row by row."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quality.engine import run_suite
from quality.gx.door import opened
from quality.suite import Suite
from quality.verdict import Outcome
from tests.quality.cases import CASES
from tests.quality.tables import write
from tests.quality.test_engines_agree import differences

pytestmark = pytest.mark.gx


def judged(rules: list[dict[str, Any]], table: Path) -> list[Outcome]:
    return run_suite(Suite.from_data({"expectations": rules}), table).expectations


def test_every_rule_says_the_same_with_tallies_as_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened()
    from quality.gx import tally

    table = write("nasty", tmp_path)
    rules = [{"type": name, "kwargs": kwargs} for name, kwargs in CASES]
    plain = judged(rules, table)
    made: list[str] = []
    tally_sql = tally.tally_sql
    monkeypatch.setattr(tally, "FEWEST_ROWS", 0)
    monkeypatch.setattr(tally, "tally_sql", lambda column: made.append(column.name) or tally_sql(column))
    assert not differences(CASES, judged(rules, table), plain)
    assert len(made) > 5


@pytest.mark.parametrize("route", ["kept by rows", "kept by values", "grouped by the engine"])
def test_repeated_values_are_found_on_every_route(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    opened()
    from quality.gx import repeats

    if route == "kept by values":
        monkeypatch.setattr(repeats, "MOST_ROWS_KEPT", 0)
    if route == "grouped by the engine":
        monkeypatch.setattr(repeats, "SHARE_OF_MEMORY", 1 << 40)
    table = {
        "a": pa.array(["x", "y", None, "x", "z", None, "y"]),
        "n": pa.array([1, 2, None, 1, 5, None, 3]),
        "__row__": pa.array([17, 16, 15, 14, 13, 12, 11]),
    }
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    single, compound, all_missing = judged(
        [
            {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "a"}},
            {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["a", "n"]}},
            {
                "type": "expect_compound_columns_to_be_unique",
                "kwargs": {"column_list": ["a", "n"], "ignore_row_if": "never"},
            },
        ],
        tmp_path / "t.parquet",
    )
    assert single.failing_rows == [11, 14, 16, 17]
    assert compound.failing_rows == [14, 17]
    assert all_missing.failing_rows == [12, 14, 15, 17]


@given(
    st.lists(st.tuples(st.integers(-50, 50), st.integers(1, 4)), max_size=9, unique_by=lambda each: each[0])
)
def test_the_median_of_a_tally_is_that_of_its_values(values: list[tuple[int, int]]) -> None:
    opened()
    from quality.gx import tally

    spread = [value for value, count in values for _ in range(count)]
    assert tally.median(sorted(values)) == (statistics.median(spread) if spread else None)
