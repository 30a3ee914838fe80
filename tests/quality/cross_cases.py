"""Small nasty tables, what they are compared with, and the rows that must fail."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from quality.references import CodeSet, References, ReferenceTable
from quality.suite import Suite

NAN, INF = float("nan"), float("inf")


def at(hour: int, minute: int = 0, day: int = 3, zone: Any = None) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=zone)


STAMP, ZONED = pa.timestamp("us"), pa.timestamp("us", tz="UTC")
HERE: dict[str, pa.Array] = {
    "lot": pa.array(["P1", "P1", "P2", "P3", "葵涌", "", None, "p1", "P1", "P2"]),
    "zone": pa.array([1, 1, 2, None, 1, 1, 1, 1, 9, 2], pa.int32()),
    "n": pa.array([5, 10, 11, 3, -1, 0, 7, None, 5, 2**53], pa.int64()),
    "x": pa.array([5.0, NAN, 11.0, INF, -0.0, 0.1, 7.5, None, 1e300, 2.0]),
    "dec": pa.array([Decimal(each) if each else None for each in ("5.00", "1.10", "11.00", None, "0.00", "7.25", "3.00", "4.00", "5.50", "2.00")], pa.decimal128(12, 2)),
    "month": pa.array(["2026-10", "2026-10", "2026-10", "2026-09", "2026-10", None, "2026-13", "2026-10", "2026-10", "2026-10"]),
    "day": pa.array([date(2026, 10, each) for each in (3, 3, 4, 4, 3, 3, 3, 3, 4, 4)], pa.date32()),
    "seen": pa.array([at(1), at(0), at(2), at(3), None, at(4), at(5), at(6), at(0, day=4), at(2)], STAMP),
    "sent": pa.array([at(1, 5), at(0, 6), at(1), at(3, 5), at(4), None, at(5), at(12), at(0, day=4), at(2)], STAMP),
    "z": pa.array([at(17, zone=UTC), at(15, zone=UTC), at(2, zone=UTC), None, at(3, zone=UTC), at(4, zone=UTC), at(5, zone=UTC), at(6, zone=UTC), at(16, day=4, zone=UTC), at(2, zone=UTC)], ZONED),
    "lon": pa.array([114.5, 22.6, 114.5, 500_000.0, 10.0, None, 114.5, NAN, 114.5, 114.3]),
    "lat": pa.array([22.6, 114.5, 22.6, 2_500_000.0, 10.0, 22.6, None, 22.6, 22.6, 22.6]),
    "level": pa.array(["1", "2", "9", None, "", "3", "4", "1", "1", " 1"]),
    "code": pa.array([1, 2, 9, None, 0, 3, 4, 1, 1, -1]),
    "b": pa.array([True, False] * 5),
    "__row__": pa.array([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]),
}  # fmt: skip
MASTER: dict[str, pa.Array] = {
    "lot": pa.array(["P1", "P2", "葵涌", None, None, ""]),
    "zone": pa.array([1.0, 2.0, NAN, 4.0, 5.0, None]),
    "zone_dec": pa.array([Decimal("1.00"), Decimal("2.00"), None, Decimal("4.00"), Decimal("5.00"), Decimal("6.50")], pa.decimal128(10, 2)),
    "spaces": pa.array([10, 11, None, 4, 5, 3]),
    "share": pa.array([5.0, 11.0, NAN, 4.0, INF, 0.1]),
    "twice": pa.array(["P1", "P1", "P2", "P3", None, None]),
    "text": pa.array(["5", "11", "x", "y", "z", ""]),
}  # fmt: skip
FLOWS: dict[str, pa.Array] = {
    "lot_id": pa.array(["P1", "P1", "P2", "葵涌", "P9", None]),
    "obs": pa.array([at(1), at(2), at(23, day=30), at(5), at(5), at(5)], STAMP),
    "obs_z": pa.array([at(15, zone=UTC), at(16, zone=UTC), at(16, zone=UTC), at(1, zone=UTC), None, None], ZONED),
    "cars": pa.array([10, 10, 12, 0, 99, 1]),
    "fee": pa.array([Decimal("1.50"), Decimal("2.50"), None, Decimal("0.00"), Decimal("1.00"), Decimal("1.00")], pa.decimal128(8, 2)),
    "kg": pa.array([10.0, 10.0, NAN, 0.0, INF, 1.0]),
}  # fmt: skip
LAST_RELEASE: dict[str, pa.Array] = {
    "lot": pa.array(["P1", "P2", "P3", "P4"]),
    "zone": pa.array([1, 2, 3, 4]),
    "n": pa.array([6, 11, None, 1]),
    "dec": pa.array([Decimal("5.00"), Decimal("2.01"), None, Decimal("1.00")], pa.decimal128(9, 2)),
}  # fmt: skip
KEYS = {"keys": ["lot"], "dataset": "MASTER"}
AREA = [114.28, 22.40, 114.65, 22.72]
POINT = {"longitude": "lon", "latitude": "lat", "area": AREA}
NEVER = {"ignore_row_if": "never"}
STEPS = {"group_columns": ["lot"], "time_column": "seen"}
FLOW = {"dataset": "FLOWS", "group_columns": ["lot"], "other_group_columns": ["lot_id"]}

# type, arguments, the rows that fail (row keys); None: an error
COUNTED: list[tuple[str, dict[str, Any], list[int] | None]] = [
    # keys that must be there
    ("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "MASTER"}, [14, 18]),
    ("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "MASTER", **NEVER}, [14, 17, 18]),
    ("expect_column_values_to_exist_in_dataset", {"column_list": ["lot"], "dataset": "MASTER", "other_columns": ["twice"]}, [15, 16, 18]),
    ("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "MASTER", "mostly": 0.5}, [14, 18]),
    ("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "MASTER", "row_condition": "n > 4", "condition_parser": "pandas"}, []),
    ("expect_column_values_to_exist_in_dataset", {"column_list": ["lot", "zone"], "dataset": "MASTER"}, [15, 16, 18, 19]),
    ("expect_column_values_to_exist_in_dataset", {"column_list": ["lot", "zone"], "dataset": "MASTER", "ignore_row_if": "all_values_are_missing"}, [14, 15, 16, 17, 18, 19]),
    ("expect_column_values_to_exist_in_dataset", {"column_list": ["zone"], "dataset": "MASTER", "other_columns": ["zone_dec"]}, [19]),
    ("expect_column_values_to_exist_in_dataset", {"column": "dec", "dataset": "MASTER", "other_columns": ["share"]}, [12, 15, 16, 17, 19, 20]),
    ("expect_column_values_to_exist_in_dataset", {"column": "dec", "dataset": "MASTER", "other_columns": ["spaces"]}, [12, 15, 16, 19, 20]),
    ("expect_column_values_to_exist_in_dataset", {"column": "x", "dataset": "MASTER", "other_columns": ["spaces"]}, [14, 15, 16, 17, 19, 20]),
    ("expect_column_values_to_exist_in_dataset", {"column": "day", "dataset": "FLOWS", "other_columns": ["obs"]}, [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]),
    ("expect_column_values_to_exist_in_dataset", {"column": "seen", "dataset": "FLOWS", "other_columns": ["obs"]}, [12, 14, 16, 18, 19]),
    ("expect_column_values_to_exist_in_dataset", {"column": "n", "dataset": "MASTER", "other_columns": ["text"]}, None),
    ("expect_column_values_to_exist_in_dataset", {"column": "z", "dataset": "FLOWS", "other_columns": ["obs"]}, None),
    ("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "MASTER", "other_columns": ["nope"]}, None),
    ("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "NOWHERE"}, None),
    ("expect_column_values_to_exist_in_dataset", {"column": "lot", "dataset": "EMPTY"}, [11, 12, 13, 14, 15, 16, 18, 19, 20]),
    # values that must agree
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "n", "other_column": "spaces", "comparison": "at_most"}, [14, 15, 20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "n", "other_column": "spaces", "comparison": "at_most", "unmatched": "ignore"}, [20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "n", "other_column": "spaces", "unmatched": "ignore"}, [11, 16, 19, 20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "n", "other_column": "spaces", "unmatched": "ignore", "factor": 0.5}, [12, 13, 16, 20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "n", "other_column": "spaces", "unmatched": "ignore", "tolerance": 5}, [20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "x", "other_column": "share", "unmatched": "ignore"}, [19, 20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "x", "other_column": "share", "unmatched": "ignore", "tolerance_share": 1}, [19]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "dec", "other_column": "spaces", "comparison": "at_least", "unmatched": "ignore"}, [11, 12, 19, 20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "dec", "other_column": "share", "comparison": "more_than", "unmatched": "ignore"}, [11, 12, 13, 20]),
    ("expect_values_to_agree_with_dataset", {"keys": ["zone"], "dataset": "MASTER", "other_keys": ["zone_dec"], "column": "x", "other_column": "share", "factor": -1}, [11, 13, 15, 16, 17, 19, 20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "lot", "other_column": "text", **NEVER}, [11, 12, 13, 14, 15, 17, 18, 19, 20]),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "lot", "other_column": "text", "factor": 2}, None),
    ("expect_values_to_agree_with_dataset", {"keys": ["lot"], "dataset": "MASTER", "other_keys": ["twice"], "column": "n", "other_column": "spaces"}, None),
    ("expect_values_to_agree_with_dataset", {**KEYS, "column": "b", "other_column": "text"}, None),
    # totals of groups
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "n", "other_column": "cars"}, [13, 14, 15, 16, 20]),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "n", "other_column": "cars", "unmatched": "ignore"}, [13, 15, 20]),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "n", "other_column": "cars", "tolerance": 1, "unmatched": "ignore"}, [13, 20]),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "dec", "other_column": "cars", "tolerance_share": 0.5}, [16, 18]),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "unmatched": "ignore"}, [11, 12, 13, 19, 20]),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "n"}, None),  # of the same name, which is not there
    ("expect_totals_to_agree_with_dataset", {**FLOW, "other_column": "*", "unmatched": "ignore"}, [11, 12, 13, 19, 20]),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "x", "other_column": "kg"}, [11, 13, 14, 16, 19, 20]),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "dec", "other_column": "fee", "factor": 3, "tolerance": 0.5, "unmatched": "ignore"}, []),
    ("expect_totals_to_agree_with_dataset", {"dataset": "FLOWS", "group_columns": ["lot", "month"], "other_group_columns": ["lot_id", {"column": "obs", "period": "month"}], "column": "n", "other_column": "cars"}, [13, 14, 15, 20]),
    ("expect_totals_to_agree_with_dataset", {"dataset": "FLOWS", "group_columns": [{"column": "z", "period": "day"}], "other_group_columns": [{"column": "obs_z", "period": "day"}], "column": "n", "other_column": "cars", "unmatched": "ignore"}, [11, 12, 13, 15, 16, 17, 20]),
    ("expect_totals_to_agree_with_dataset", {"dataset": "FLOWS", "group_columns": [{"column": "lot", "period": "day"}], "other_group_columns": ["lot_id"]}, None),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "level", "other_column": "cars"}, None),
    # this dataset's last release
    ("expect_counters_to_grow_since_last_release", {"keys": ["lot"], "column": "n"}, [11, 19]),
    ("expect_counters_to_grow_since_last_release", {"keys": ["lot"], "column": "n", "strictly": True}, [11, 13, 19]),
    ("expect_counters_to_grow_since_last_release", {"keys": ["lot", "zone"], "column": "dec", "mostly": 0.5}, [12, 20]),
    ("expect_counters_to_grow_since_last_release", {"keys": ["lot"], "column": "b"}, None),
    # over time
    ("expect_values_to_rise_over_time", {**STEPS, "column": "n"}, [11]),
    ("expect_values_to_rise_over_time", {**STEPS, "column": "n", "daily": True}, [11]),
    ("expect_values_to_rise_over_time", {**STEPS, "column": "n", "strictly": True, "direction": "falling"}, [19, 20]),
    ("expect_values_to_rise_over_time", {**STEPS, "column": "dec", "strictly": True, **NEVER}, [14, 15, 17, 20]),
    ("expect_values_to_rise_over_time", {"group_columns": ["zone", "b"], "time_column": "z", "column": "lot"}, [11, 12]),
    ("expect_values_to_rise_over_time", {"group_columns": ["lot"], "time_column": "n", "column": "n"}, None),
    ("expect_values_to_rise_over_time", {**STEPS, "column": "b"}, None),
    ("expect_values_to_change_slowly", {**STEPS, "column": "n", "max_change": 4}, [11, 20]),
    ("expect_values_to_change_slowly", {**STEPS, "column": "n", "max_change": 4, "per": "PT30M"}, [20]),
    ("expect_values_to_change_slowly", {**STEPS, "column": "x", "max_change": 1e308}, []),
    ("expect_values_to_change_slowly", {"group_columns": ["b"], "time_column": "seen", "column": "x", "max_change": 3}, [13, 14, 16, 19]),
    ("expect_values_to_change_slowly", {"group_columns": ["b"], "time_column": "z", "column": "dec", "max_change": 3, "per": "P1D"}, [15, 16, 18]),
    ("expect_values_to_change_slowly", {**STEPS, "column": "level", "max_change": 1}, None),
    # two clocks
    ("expect_delays_to_be_between", {"since": "seen", "until": "sent", "max_delay": "PT5M"}, [12, 18]),
    ("expect_delays_to_be_between", {"since": "seen", "until": "sent", "min_delay": "PT0S"}, [13]),
    ("expect_delays_to_be_between", {"since": "seen", "until": "sent", "min_delay": "PT0S", "max_delay": "PT6H", "ignore_row_if": "neither"}, [13, 15, 16]),
    ("expect_delays_to_be_between", {"since": "day", "until": "seen", "max_delay": "P1D"}, []),
    ("expect_delays_to_be_between", {"since": "seen", "until": "z", "max_delay": "PT5M"}, None),
    ("expect_delays_to_be_between", {"since": "lot", "until": "seen", "max_delay": "PT5M"}, None),
    # the declared datum
    ("expect_coordinates_to_fit_crs", {**POINT, "crs": "WGS-84"}, [12, 14, 15, 16, 17, 18]),
    ("expect_coordinates_to_fit_crs", {**POINT, "crs": "GCJ-02", "ignore_row_if": "either_value_is_missing"}, [12, 14, 15]),
    ("expect_coordinates_to_fit_crs", {**POINT, "crs": "BD-09", "mostly": 0.1}, [12, 14, 15, 16, 17, 18]),
    # code lists by name
    ("expect_column_values_to_be_in_code_list", {"column": "level", "code_list": "data_level"}, [13, 15, 20]),
    ("expect_column_values_to_be_in_code_list", {"column": "code", "code_list": "data_level", "version": "2026-01-01"}, [13, 15, 20]),
    ("expect_column_values_to_be_in_code_list", {"column": "level", "code_list": "data_level", "version": "2025-01-01"}, None),
    ("expect_column_values_to_be_in_code_list", {"column": "level", "code_list": "nothing"}, None),
    ("expect_column_values_to_be_in_code_list", {"column": "code", "code_list": "words"}, None),
]  # fmt: skip

SINCE: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("expect_rows_to_agree_with_last_release", {"max_change": 1.5}, {"rows": 10, "last_rows": 4}, "passed"),
    ("expect_rows_to_agree_with_last_release", {"max_change": 1.4}, {"rows": 10, "last_rows": 4}, "failed"),
    ("expect_rows_to_agree_with_last_release", {"keys": ["lot"], "max_removed": 0.25}, {"rows": 10, "last_rows": 4, "last_keys": 4, "keys_removed": 1}, "passed"),
    ("expect_rows_to_agree_with_last_release", {"keys": ["lot", "zone"], "max_removed": 0.25}, {"rows": 10, "last_rows": 4, "last_keys": 4, "keys_removed": 2}, "failed"),
    ("expect_rows_to_agree_with_last_release", {"keys": ["nope"], "max_removed": 0.25}, {}, "error"),
]  # fmt: skip
# what only the other side has: for random tables, whose outcome is not known beforehand
ALSO_MISSING: list[tuple[str, dict[str, Any]]] = [
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "n", "other_column": "cars", "also_missing": True}),
    ("expect_totals_to_agree_with_dataset", {**FLOW, "column": "n", "other_column": "cars", "also_missing": True, "unmatched": "ignore", "mostly": 0.1}),
    ("expect_totals_to_agree_with_dataset", {"dataset": "FLOWS", "group_columns": ["lot", "month"], "other_group_columns": ["lot_id", {"column": "obs", "period": "month"}], "column": "n", "other_column": "cars", "also_missing": True}),
    ("expect_totals_to_agree_with_dataset", {"dataset": "FLOWS", "group_columns": [{"column": "z", "period": "day"}], "other_group_columns": [{"column": "obs_z", "period": "day"}], "other_column": "*", "also_missing": True}),
    ("expect_counters_to_grow_since_last_release", {"keys": ["lot"], "column": "n", "also_missing": True}),
    ("expect_counters_to_grow_since_last_release", {"keys": ["lot", "zone"], "column": "dec", "strictly": True, "also_missing": True}),
    ("expect_counters_to_grow_since_last_release", {"keys": ["zone"], "column": "n", "also_missing": False}),
]  # fmt: skip
CASES = [(name, kwargs) for name, kwargs, *_ in (*COUNTED, *SINCE)]


def suite_of(cases: list[tuple[str, dict[str, Any]]]) -> Suite:
    return Suite.from_data({"expectations": [{"type": name, "kwargs": kwargs} for name, kwargs in cases]})


def written(folder: Path, name: str, columns: dict[str, pa.Array]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def references(folder: Path) -> References:
    """What the rules compare with: two datasets, an empty one, the last release, two code lists."""
    tables = {
        "MASTER": MASTER,
        "FLOWS": FLOWS,
        "EMPTY": {name: values[:0] for name, values in MASTER.items()},
    }
    held = {
        name: ReferenceTable(
            name, written(folder, name, columns), sha256="0" * 64, release_id=f"r-{name}", number=1
        )
        for name, columns in tables.items()
    }
    last = ReferenceTable(
        "HERE", written(folder, "last", LAST_RELEASE), sha256="1" * 64, release_id="r-last", number=3
    )
    lists = {
        "data_level": CodeSet("data_level", "2026-01-01", ("1", "2", "3", "4")),
        "words": CodeSet("words", "2026-01-01", ("一", "二")),
    }
    return References(held, lists, last, knows_last=True)
