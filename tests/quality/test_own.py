"""Checks that Great Expectations lacks: what they find, and that both engines find the same."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality.engine import run_suite
from quality.own.identifiers import holds_card_number, holds_phone_number, is_credit_code
from quality.references import Frequency, References
from quality.suite import Suite
from quality.verdict import EngineName, Outcome
from tests.quality.test_engines_agree import differences

CREDIT = "91350100M000100Y43"
CARD = "11010519491231002X"
NOON = datetime(2026, 3, 6, 4, tzinfo=UTC)  # noon by the clock of the house
TRIANGLE = {"type": "Polygon", "coordinates": [[[113, 22], [115, 22], [114, 24], [113, 22]]]}
HOLED = {
    "type": "MultiPolygon",
    "coordinates": [
        [
            [[113, 22], [115, 22], [115, 23], [113, 23], [113, 22]],
            [[113.5, 22.3], [114.5, 22.3], [114.5, 22.7], [113.5, 22.7], [113.5, 22.3]],
        ],
        [[[120, 30], [121, 30], [121, 31], [120, 30]]],
    ],
}

ROWS: dict[str, pa.Array] = {
    "code": pa.array([CREDIT, CREDIT[:-1] + "5", CREDIT.lower(), "", None, "911101080000000000", "O" * 18, CREDIT + "\n"]),
    "note": pa.array(["电话13800138000。", "138-0013-8000 请联系", "１３８００１３８０００", f"证号{CARD}", None, "1380013800012", "0.13800138000", f"x{CARD.lower()}y"]),
    "number": pa.array([13800138000, 12, None, 110105194912310020, 138001380001, 0, -13800138000, 2**62]),
    "lon": pa.array([114.0, 22.5, 113.0, None, 180.0, 114.0, None, 114.0]),
    "lat": pa.array([22.5, 114.0, 22.0, 22.5, 90.0, 25.0, None, float("nan")]),
    "age": pa.array([30, 30, 31, None, None, 31, 31, 30]),
    "town": pa.array(["葵涌", "葵涌", "大鹏", "大鹏", "大鹏", "大鹏", None, None]),
    "station": pa.array(["A", "B", "A", "A", "B", "C", "C", None]),
    "day": pa.array([datetime(2026, 3, d).date() for d in (1, 1, 2, 4, 4, 4, 5)] + [None], pa.date32()),  # noqa: DTZ001
    "at": pa.array([datetime(2026, 3, d, 23, tzinfo=UTC) for d in (1, 1, 2, 4, 4, 4, 5)] + [None], pa.timestamp("us", tz="UTC")),
    "plain": pa.array([datetime(2026, 3, 5, 13)] * 7 + [None], pa.timestamp("us")),  # noqa: DTZ001
    "__row__": pa.array(range(1, 9)),
}  # fmt: skip
COORDINATES = {"longitude": "lon", "latitude": "lat"}
COUNTED: list[tuple[str, dict[str, Any], list[int]]] = [
    ("expect_column_values_to_be_credit_codes", {"column": "code"}, [2, 3, 4, 6, 7, 8]),
    ("expect_column_values_to_hold_no_phone_numbers", {"column": "note"}, [1, 2, 3]),
    ("expect_column_values_to_hold_no_phone_numbers", {"column": "number"}, [1, 7]),
    ("expect_column_values_to_hold_no_id_card_numbers", {"column": "note"}, [4]),
    ("expect_coordinates_to_lie_in_area", {**COORDINATES, "area": [113, 22, 115, 24]}, [2, 4, 5, 6, 8]),
    ("expect_coordinates_to_lie_in_area", {**COORDINATES, "area": TRIANGLE}, [2, 4, 5, 6, 8]),
    ("expect_coordinates_to_lie_in_area", {**COORDINATES, "area": HOLED}, [1, 2, 4, 5, 6, 8]),
    ("expect_coordinates_to_lie_in_area", {**COORDINATES, "area": TRIANGLE, "ignore_row_if": "either_value_is_missing"}, [2, 5, 6]),
    ("expect_groups_to_hold_at_least_k_rows", {"column_list": ["age", "town"], "k": 2}, [7, 8]),
    ("expect_groups_to_hold_at_least_k_rows", {"column_list": ["town"], "k": 3}, [1, 2]),
    ("expect_groups_to_hold_at_least_k_rows", {"column_list": ["town"], "k": 3, "ignore_row_if": "never"}, [1, 2, 7, 8]),
    ("expect_groups_to_hold_at_least_k_rows", {"column_list": ["age", "town"], "k": 2, "row_condition": 'station != "B"', "condition_parser": "pandas"}, [1, 4, 7]),
]  # fmt: skip
JUDGED: list[tuple[str, dict[str, Any], str]] = [
    ("expect_groups_to_report", {"column": "station", "value_set": ["A", "B", "C"]}, "passed"),
    ("expect_groups_to_report", {"column": "station", "value_set": ["A", "D"]}, "failed"),
    ("expect_groups_to_report", {"column": "station", "value_set": ["A", 5]}, "failed"),
    ("expect_groups_to_report", {"column": "station", "value_set": ["A", "B"], "time_column": "day"}, "failed"),
    ("expect_groups_to_report", {"column": "station", "value_set": ["A", "B"], "time_column": "at", "daily_share": 0.5}, "failed"),
    ("expect_groups_to_report", {"column": "station", "value_set": ["A", "B"], "time_column": "day", "daily_share": 0}, "passed"),
    ("expect_groups_to_report", {"column": "station", "value_set": ["A"], "time_column": "town"}, "error"),
    ("expect_groups_to_report", {"column": "day", "value_set": ["2026-03-01"]}, "error"),
    ("expect_column_values_to_be_fresh", {"column": "day", "max_age": "P1D"}, "passed"),
    ("expect_column_values_to_be_fresh", {"column": "day", "max_age": "PT0S"}, "failed"),
    ("expect_column_values_to_be_fresh", {"column": "at", "max_age": "PT5H"}, "passed"),
    ("expect_column_values_to_be_fresh", {"column": "at", "max_age": "PT4H"}, "failed"),
    ("expect_column_values_to_be_fresh", {"column": "plain", "max_age": "PT23H"}, "passed"),
    ("expect_column_values_to_be_fresh", {"column": "plain", "max_age": "PT22H"}, "failed"),
    ("expect_column_values_to_be_fresh", {"column": "plain", "max_age": "P1M", "reference": "2026-04-05"}, "passed"),
    ("expect_column_values_to_be_fresh", {"column": "plain", "max_age": "P1M", "reference": "2026-04-06"}, "failed"),
    ("expect_column_values_to_be_fresh", {"column": "day", "max_age": "P9999Y"}, "error"),
    ("expect_column_values_to_be_fresh", {"column": "town", "max_age": "P1D"}, "error"),
]  # fmt: skip
CASES = [(name, kwargs) for name, kwargs, _ in (*COUNTED, *JUDGED)]


def _suite(cases: list[tuple[str, dict[str, Any]]]) -> Suite:
    return Suite.from_data({"expectations": [{"type": name, "kwargs": kwargs} for name, kwargs in cases]})


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("own") / "t.parquet"
    pq.write_table(pa.table(ROWS), path)

    @cache
    def judge(engine: EngineName) -> list[Outcome]:
        return run_suite(_suite(CASES), path, engine=engine, reference=NOON).expectations

    return judge


@pytest.mark.gx
def test_both_engines_agree_on_the_checks_of_our_own(judged: Any) -> None:
    found = differences(CASES, judged("duckdb"), judged("pandas"))
    assert not found, "\n".join(found)


@pytest.mark.gx
def test_the_failing_rows_are_those_that_are_wrong(judged: Any) -> None:
    found = [(each.failing_rows, each.error) for each in judged("duckdb")[: len(COUNTED)]]
    assert found == [(rows, None) for _, _, rows in COUNTED]


@pytest.mark.gx
def test_tables_as_a_whole_are_judged_rightly(judged: Any) -> None:
    found = [(each.outcome, each.kwargs) for each in judged("duckdb")[len(COUNTED) :]]
    assert found == [(outcome, kwargs) for _, kwargs, outcome in JUDGED]


@pytest.mark.gx
def test_points_with_longitude_and_latitude_exchanged_are_told(judged: Any) -> None:
    assert judged("duckdb")[4].observed_value == {"likely_swapped": 1, "looked_at": 5}


@pytest.mark.gx
def test_who_did_not_report_is_named_with_the_days(judged: Any) -> None:
    absent, by_day = (judged("duckdb")[len(COUNTED) + place].observed_value for place in (1, 3))
    assert (absent["missing"], absent["reported"], absent["of"]) == (["D"], 1, 2)
    assert by_day["thin_days"] == [
        {"day": "2026-03-02", "reported": 1},
        {"day": "2026-03-03", "reported": 0},
        {"day": "2026-03-05", "reported": 0},
    ]


@pytest.mark.gx
def test_freshness_without_any_reference_is_an_error_not_a_pass(tmp_path: Path) -> None:
    pq.write_table(pa.table(ROWS), tmp_path / "t.parquet")
    rule = ("expect_column_values_to_be_fresh", {"column": "day", "max_age": "P1D"})
    (found,) = run_suite(_suite([rule]), tmp_path / "t.parquet").expectations
    assert (found.outcome, "reference" in str(found.error)) == ("error", True)


@pytest.mark.gx
@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_freshness_follows_the_update_frequency(engine: EngineName, tmp_path: Path) -> None:
    """The newest is 23 hours old."""
    pq.write_table(pa.table(ROWS), tmp_path / "t.parquet")
    rules = [("expect_column_values_to_be_fresh", {"column": "plain", "max_age": "by_frequency"})]

    def judge(frequency: Frequency | None) -> Outcome:
        known = References(frequency=frequency)
        verdict = run_suite(
            _suite(rules), tmp_path / "t.parquet", engine=engine, reference=NOON, references=known
        )
        assert [each.version for each in verdict.references] == (
            [frequency.max_age or ""] if frequency else []
        )
        return verdict.expectations[0]

    assert judge(Frequency("3", "PT2160M")).outcome == "passed"
    assert judge(Frequency("PT1H", "PT120M")).outcome == "failed"
    for frequency, said in ((None, "--update-frequency"), (Frequency("1", None), "irregular")):
        found = judge(frequency)
        assert (found.outcome, said in str(found.error)) == ("error", True)


def test_class_names_of_our_own_types_are_taken_too() -> None:
    rule = {"type": "ExpectGroupsToHoldAtLeastKRows", "kwargs": {"column_list": ["a"], "k": 5}}
    assert Suite.from_data({"expectations": [rule]}).expectations[0].type == CASES[8][0]


@pytest.mark.parametrize(
    ("text", "right"), [(CREDIT, True), (CREDIT[:-1] + "4", False), ("91350100M000100I43", False)]
)
def test_a_credit_code_has_the_right_check_sign(text: str, right: bool) -> None:
    assert is_credit_code(text) is right


@pytest.mark.parametrize(
    ("text", "phone", "card"),
    [
        ("+86 138 0013 8000", True, False), ("8613800138000", True, False), ("1772000000123", False, False),
        ("12800138000", False, False), (CARD, False, True), ("110105194912310021", False, False),
        ("008613800138000", True, False), ("138.0013.8000", True, False), ("(138)0013-8000", True, False), ("（138） 0013 8000", True, False),
        ("138.00138000", False, False), ("1380013.8000", False, False), (f"{CARD[:6]} {CARD[6:14]} {CARD[14:]}", False, True),
        (f"{CARD[:6]}-{CARD[6:14]}-{CARD[14:]}", False, True), (f"{CARD[:10]} {CARD[10:]}", False, False),
        ("11010519491331002X", False, False), (f"1{CARD}", False, False), (f"甲{CARD}，乙13900139000", True, True),
    ],
)  # fmt: skip
def test_numbers_of_persons_are_found_wherever_they_stand(text: str, phone: bool, card: bool) -> None:
    assert (holds_phone_number(text), holds_card_number(text)) == (phone, card)


@pytest.mark.gx
def test_a_spread_too_wide_to_be_squared_is_none_on_both_engines(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1e218, -3e217, 0.0]}), tmp_path / "t.parquet")
    cases = [
        (
            "expect_column_value_z_scores_to_be_less_than",
            {"column": "x", "threshold": 2, "double_sided": True},
        ),
        ("expect_column_stdev_to_be_between", {"column": "x", "min_value": 0}),
    ]
    one, other = (
        run_suite(_suite(cases), tmp_path / "t.parquet", engine=engine).expectations
        for engine in ("duckdb", "pandas")
    )
    assert differences(cases, one, other) == []
    assert [each.error for each in one] == [None, None]
