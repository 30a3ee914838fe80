"""What is judged value by value, or by sorted hashes, is judged as it was row by row."""

from __future__ import annotations

import statistics
import tempfile
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
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

pytestmark = [pytest.mark.gx, pytest.mark.long]


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


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(0, 63), st.sampled_from((2, 5, 100)))
def test_hashes_that_meet_are_found_whatever_slot_they_take(picked: list[int], spread: int, few: int) -> None:
    """Few slots, so that hashes push one another out, in one round after the other; against counting."""
    opened()
    from quality.gx import repeats

    hashes = np.array([number << spread & (1 << 64) - 1 for number in picked], dtype=np.uint64)
    values, counts = np.unique(hashes, return_counts=True)
    with mock.patch.object(repeats, "FEW_HASHES", few):
        found = repeats.meeting(hashes.copy())
    assert sorted(found.hashes.tolist()) == values[counts > 1].tolist()
    assert found.rows == counts[counts > 1].sum()


def test_the_meeting_of_hashes_spans_the_parts_that_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    from quality.gx import repeats

    monkeypatch.setattr(repeats, "PART_ROWS", 3)
    monkeypatch.setattr(repeats, "FEW_HASHES", 2)
    hashes = np.array([7, 1 << 60, 9 << 59, 7, 5, 1 << 60, 7], dtype=np.uint64)
    found = repeats.meeting(hashes)
    assert (sorted(found.hashes.tolist()), found.rows) == ([7, 1 << 60], 5)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.integers(-3, 3),
    "number": st.sampled_from([-1.5, 0.0, -0.0, 2.0, float("inf"), float("nan")]),
    "date": st.dates(date(2024, 1, 1), date(2024, 1, 4)),
    "datetime": st.datetimes(datetime(2024, 1, 1), datetime(2024, 1, 2)),  # noqa: DTZ001 - as in a file
    "text": st.text("ab", max_size=2),
}


@given(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda kind: st.lists(st.none() | VALUES[kind], min_size=1, max_size=7)
    ),
    st.sampled_from([">", ">="]),
    st.integers(1, 3),
    st.booleans(),
)
def test_a_column_is_said_to_rise_only_where_every_step_does(
    values: list[Any], sign: str, rows_at_once: int, keys_fall: bool
) -> None:
    opened()
    from quality.gx import order
    from quality.kinds import column_of

    keys = list(range(len(values), 0, -1) if keys_fall else range(len(values)))
    table = pa.table({"v": pa.array(values), "__row__": pa.array(keys)})
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "BATCH_ROWS", rows_at_once)
        pq.write_table(table, Path(folder) / "t.parquet")
        said = order.rises(Path(folder) / "t.parquet", column_of(table.schema.field("v")), sign)
    present = [value for value in values if value is not None and value == value]
    steps = [(a < b if sign == ">" else a <= b) for a, b in pairwise(present)]
    whole = len(present) == len(values) and not pa.types.is_string(table.schema.field("v").type)
    rising = all(steps) and (len(values) < 2 or not keys_fall)
    assert said is True if whole and rising else said is not True
