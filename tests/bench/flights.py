"""A published table that people know: three million flights (`transport/flights-3m.parquet` of the shared data), as Parquet and as CSV."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import duckdb

from tests.bench.table import rule

SHARED: Final = Path(os.environ.get("DATAGRANT_SHARED") or Path(__file__).parents[2] / ".." / "shared")
FLIGHTS: Final = SHARED / "data" / "transport" / "flights-3m.parquet"
CSV: Final = "flights.csv"

SUITE: Final[dict[str, Any]] = {
    "name": "flights-20",
    "expectations": [
        rule("expect_column_to_exist", column="date"),
        rule("expect_table_row_count_to_be_between", min_value=2_000_000, max_value=5_000_000),
        rule("expect_column_to_exist", column="delay"),
        *[
            rule("expect_column_values_to_not_be_null", column=name)
            for name in ("date", "delay", "distance", "origin", "destination")
        ],
        rule("expect_column_values_to_be_between", column="delay", min_value=-120, max_value=1440, mostly=0.999),
        rule("expect_column_values_to_be_between", column="distance", min_value=20, max_value=5000),
        rule("expect_column_values_to_match_regex", column="origin", regex="^[A-Z]{3}$"),
        rule("expect_column_values_to_match_regex", column="destination", regex="^[A-Z]{3}$"),
        rule("expect_column_value_lengths_to_equal", column="origin", value=3),
        rule("expect_column_values_to_not_be_in_set", column="destination", value_set=["XXX", "ZZZ"]),
        rule("expect_column_values_to_be_increasing", column="date"),
        rule("expect_column_unique_value_count_to_be_between", column="origin", min_value=100, max_value=400),
        rule("expect_column_mean_to_be_between", column="delay", min_value=0, max_value=20),
        rule("expect_column_median_to_be_between", column="distance", min_value=300, max_value=900),
        rule("expect_column_max_to_be_between", column="distance", max_value=5000),
        rule(
            "expect_compound_columns_to_be_unique",
            column_list=["date", "delay", "origin", "destination"],
            mostly=0.99,
        ),
    ],
}  # fmt: skip


def make_csv(path: Path) -> Path:
    """Write the flights as CSV unless they are there already."""
    if not path.exists():
        with duckdb.connect() as connection:
            connection.execute(f"COPY (FROM read_parquet('{FLIGHTS}')) TO '{path}' (HEADER)")
    return path
