"""Rules proposed from a table and its dictionary."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality.engine import run_suite
from quality.profile import propose
from quality.profile_ranges import bounds_with_slack
from quality.suite import Suite

N = 200
TABLE = {
    "lot_code": [f"PK{n:04d}" for n in range(N)],
    "town": [("葵涌", "大鹏", "南澳")[n % 3] for n in range(N)],
    "free": [n % 37 for n in range(N)],
    "fee": [5.0 + n / 7 for n in range(N)],
    "gap": [None if n == 7 else n * 1.5 for n in range(N)],
    "day": [date(2026, 3, 1) + timedelta(days=n % 30) for n in range(N)],
    "at": [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=n) for n in range(N)],
    "note": [f"第{n}号车位附近有树，编号{n}" for n in range(N)],
    "lon": [114.4 + n / 1000 for n in range(N)],
    "lat": [22.5 + n / 1000 for n in range(N)],
    "__row__": list(range(1, N + 1)),
}
DICTIONARY: list[dict[str, Any]] = [
    {"name": "lot_code", "required": True, "primary": True, "nullable": False},
    {"name": "town", "required": True, "code_list": ["葵涌", "大鹏", "南澳", "其他"]},
    {"name": "gap", "nullable": False},
    {"name": "note", "length": 40},
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    pq.write_table(pa.table(TABLE), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


def _rules(suite: Suite, column: str) -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        each.type.removeprefix("expect_column_"): (
            each.severity,
            {key: value for key, value in each.kwargs.items() if key != "column"},
        )
        for each in suite.expectations
        if each.kwargs.get("column") == column
    }


def test_what_the_data_show_becomes_warnings_with_room(table: Path) -> None:
    suite = propose(table)
    assert _rules(suite, "lot_code") == {
        "values_to_not_be_null": ("warning", {}),
        "values_to_be_unique": ("warning", {}),
        "values_to_match_regex": ("warning", {"regex": "^[A-Z]{2}[0-9]{4}$"}),
    }
    assert _rules(suite, "town")["values_to_be_in_set"] == (
        "warning",
        {"value_set": ["南澳", "大鹏", "葵涌"]},
    )
    assert _rules(suite, "free")["values_to_be_between"] == ("warning", {"min_value": 0, "max_value": 40})
    assert _rules(suite, "day")["values_to_be_between"] == ("warning", {"min_value": "2026-03-01"})
    assert "values_to_not_be_null" not in _rules(suite, "gap")
    assert "values_to_hold_no_phone_numbers" in _rules(suite, "note")
    (places,) = [each.kwargs for each in suite.expectations if "area" in each.kwargs]
    assert places == {"longitude": "lon", "latitude": "lat", "area": [114.3, 22.4, 114.7, 22.8]}


def test_what_the_dictionary_says_becomes_critical(table: Path) -> None:
    suite = propose(table, DICTIONARY)
    assert _rules(suite, "lot_code")["values_to_be_unique"][0] == "critical"
    assert _rules(suite, "town")["values_to_be_in_set"] == (
        "critical",
        {"value_set": DICTIONARY[1]["code_list"]},
    )
    assert _rules(suite, "gap")["values_to_not_be_null"][0] == "critical"
    assert _rules(suite, "note")["value_lengths_to_be_between"] == ("critical", {"max_value": 40})
    assert suite.expectations[0].kwargs == {"column_set": ["lot_code", "town"], "exact_match": False}


def test_each_rule_says_where_it_comes_from_and_what_it_speaks_for(table: Path) -> None:
    for each in propose(table, DICTIONARY).expectations:
        assert each.meta["gbt36344"]
        assert each.meta["why_zh"] != each.meta["why_en"]


@pytest.mark.gx
def test_the_table_passes_what_it_proposed_on_both_engines(table: Path) -> None:
    suite = propose(table)
    for engine in ("duckdb", "pandas"):
        outcomes = run_suite(suite, table, engine=engine).expectations
        assert [(each.type, each.error) for each in outcomes if each.outcome != "passed"] == []


@pytest.mark.parametrize(
    "rows",
    [
        {"a": pa.array([], pa.string()), "b": pa.array([], pa.float64())},
        {"a": pa.array([None] * 30, pa.string()), "b": pa.array([float("nan"), float("inf"), None] * 10)},
        {"a": pa.array(["x\0y", "z"] * 30), "b": pa.array([1e308, -1e308] * 30)},
    ],
)
def test_odd_tables_are_profiled_without_a_fault(rows: dict[str, pa.Array], tmp_path: Path) -> None:
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    assert propose(tmp_path / "t.parquet").expectations


@pytest.mark.parametrize(
    ("low", "high", "whole", "bounds"),
    [
        (0, 36, True, (0, 40)),
        (1, 10, True, (0, 11)),
        (5.0, 33.4, False, (2, 37)),
        (-3, -3, True, (-4, -2)),
        (0.01, 0.02, False, (0.009, 0.021)),
    ],
)
def test_bounds_leave_room_in_round_numbers(low: float, high: float, whole: bool, bounds: Any) -> None:
    assert bounds_with_slack(low, high, whole=whole) == bounds


def test_freshness_is_proposed_where_the_record_says_how_often_data_come(tmp_path: Path) -> None:
    pq.write_table(pa.table(TABLE), tmp_path / "t.parquet")
    rules = [propose(tmp_path / "t.parquet", paced=paced).expectations for paced in (False, True)]
    found = [[each.kwargs for each in some if each.type.endswith("to_be_fresh")] for some in rules]
    assert found == [[], [{"column": "day", "max_age": "by_frequency"}]]
