"""The table that everybody works on: N rows × 12 columns, as CSV, made by a formula (no randomness, no file to ship).

It is clean as a released table is, but for what `mostly` lets pass: 15 % of `score` missing, 0.1 % of `amount` too low.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import duckdb

SQL: Final = """
SELECT i AS record_id,
       strftime(TIMESTAMP '2026-01-01' + INTERVAL (i // 20) SECOND, '%Y-%m-%d %H:%M:%S') AS obs_time,
       '区' || lpad((hash(i) % 31)::VARCHAR, 2, '0') AS province,
       'D' || lpad((hash(i, 1) % 341)::VARCHAR, 4, '0') AS district,
       (['open','full','closed','fault'])[(1 + hash(i, 2) % 4)::BIGINT] AS status,
       'ST' || lpad((hash(i, 3) % 5000)::VARCHAR, 5, '0') AS station,
       lpad((hash(i, 4) % 2000000)::VARCHAR, 18, '4') AS person_id,
       round((hash(i, 6) % 500) * (1 + (hash(i, 5) % 1000) / 50.0) - (hash(i, 5) % 1000 = 0)::INTEGER, 2) AS amount,
       (hash(i, 6) % 500)::INTEGER AS visitors,
       CASE WHEN hash(i, 7) % 100 < 15 THEN NULL ELSE round((hash(i, 8) % 100000) / 1000.0, 3) END AS score,
       round(22.4 + (hash(i, 9) % 320000) / 1000000.0, 6) AS lat,
       CASE WHEN hash(i, 10) % 10 < 4 THEN NULL ELSE '备注' || (hash(i, 11) % 40) END AS remark
FROM range({rows}) AS r(i)
"""


def make(path: Path, rows: int) -> Path:
    """Write the CSV unless it is there already (it is the same every time)."""
    if not path.exists():
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({SQL.format(rows=rows)}) TO '{path}' (HEADER)")
    return path


def rule(kind: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": "critical"}


SUITE: Final[dict[str, Any]] = {
    "name": "bench-20",
    "expectations": [
        rule("expect_table_column_count_to_equal", value=12),
        rule("expect_table_row_count_to_be_between", min_value=1),
        rule("expect_column_values_to_not_be_null", column="record_id"),
        rule("expect_column_values_to_not_be_null", column="obs_time"),
        rule("expect_column_values_to_not_be_null", column="score", mostly=0.8),
        rule("expect_column_values_to_be_unique", column="record_id"),
        rule(
            "expect_column_values_to_be_in_set",
            column="status",
            value_set=["open", "full", "closed", "fault"],
        ),
        rule("expect_column_values_to_be_between", column="visitors", min_value=0, max_value=500),
        rule("expect_column_values_to_be_between", column="lat", min_value=22.4, max_value=22.72),
        rule("expect_column_values_to_be_between", column="amount", min_value=-1),
        rule("expect_column_values_to_match_regex", column="station", regex=r"^ST\d{5}$"),
        rule("expect_column_values_to_match_regex", column="district", regex=r"^D\d{4}$"),
        rule("expect_column_values_to_not_match_regex", column="remark", regex=r"1[3-9]\d{9}"),
        rule("expect_column_value_lengths_to_equal", column="person_id", value=18),
        rule("expect_column_value_lengths_to_be_between", column="province", min_value=3, max_value=3),
        rule("expect_column_unique_value_count_to_be_between", column="province", min_value=31, max_value=31),
        rule("expect_column_mean_to_be_between", column="visitors", min_value=200, max_value=300),
        rule("expect_column_max_to_be_between", column="score", max_value=100),
        rule("expect_compound_columns_to_be_unique", column_list=["record_id", "station"]),
        rule(
            "expect_column_pair_values_a_to_be_greater_than_b",
            column_A="amount",
            column_B="visitors",
            or_equal=True,
            mostly=0.99,
        ),
    ],
}
