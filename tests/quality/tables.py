# ruff: noqa: DTZ001 - naive moments are part of what is tested
"""Small nasty tables that both engines must judge alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

NAN, INF = float("nan"), float("inf")

COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "id": (pa.int64(), [1, 2, 2, None, 5, 3, 3, 8, -4, 0]),
    "big": (pa.int64(), [2**53, 2**53 + 1, 2**53 + 1, None, -1, 0, 7, 8, 9, 2**62]),
    "n": (pa.int32(), [1, 1, 2, 3, 5, 8, 13, 21, 34, 1000]),
    "m": (pa.int32(), [1, 2, 2, 2, 5, 9, 13, 20, None, 999]),
    "x": (pa.float64(), [1.5, NAN, None, 2.0, INF, -INF, 2.0, -0.0, 0.0, 1e20]),
    "y": (pa.float64(), [1.5, 2.5, None, 2.0, 100.25, NAN, 0.1, 0.2, 0.3, -7.0]),
    "s": (pa.string(), ["中文", "x ", None, "😀", "", "  ", "１２3", "a\n", "100%_'\"", "Ａé"]),
    "code": (pa.string(), ["A", "B", "A", None, "a", "", "B", "C", "C", "10"]),
    "when": (
        pa.string(),
        [
            "2024-01-31",
            "2024-02-30",
            None,
            "31/12/2023",
            "",
            "not a date",
            "2024-1-5",
            "20240105",
            "2024年3月5日",
            " 2024-01-31",
        ],
    ),
    "j": (pa.string(), ['{"a": 1}', "{}", None, "{", "", "1", "null", '"x"', "[1, 2]", '{"a": "x"}']),
    "d": (
        pa.date32(),
        [
            date(2024, 1, 1),
            None,
            date(2024, 2, 1),
            date(2024, 2, 1),
            date(1899, 12, 31),
            date(9999, 12, 31),
            date(2024, 2, 29),
            None,
            date(2024, 3, 1),
            date(2024, 1, 1),
        ],
    ),
    "e": (
        pa.date32(),
        [
            date(2024, 1, 1),
            None,
            date(2024, 1, 31),
            date(2024, 2, 2),
            None,
            date(2000, 1, 1),
            date(2024, 2, 29),
            date(2024, 1, 1),
            date(2024, 3, 1),
            date(2023, 1, 1),
        ],
    ),
    "t": (
        pa.timestamp("us"),
        [
            datetime(2024, 1, 1, 3),
            datetime(2024, 1, 1, 3, 0, 0, 500000),
            None,
            datetime(2024, 1, 1),
            datetime(2023, 12, 31, 23, 59, 59),
            datetime(2024, 6, 1),
            datetime(2024, 6, 1),
            datetime(2024, 7, 1),
            None,
            datetime(2025, 1, 1),
        ],
    ),
    "z": (
        pa.timestamp("us", tz="Asia/Shanghai"),
        [
            datetime(2024, 1, 1, tzinfo=UTC),
            None,
            *(datetime(2024, 1, day, 16, 30, tzinfo=UTC) for day in range(1, 9)),
        ],
    ),
    "dec": (
        pa.decimal128(12, 2),
        [
            Decimal("1.10"),
            None,
            Decimal("2.20"),
            Decimal("3.30"),
            Decimal("3.30"),
            Decimal("-5.00"),
            Decimal("0.00"),
            Decimal("100000.01"),
            Decimal("1.10"),
            Decimal("7.00"),
        ],
    ),
    "b": (pa.bool_(), [True, False, None, True, True, False, False, None, True, True]),
    "tm": (
        pa.time64("us"),
        [
            time(8),
            time(9, 30),
            None,
            time(23, 59, 59, 500000),
            time(0),
            time(8),
            time(12),
            None,
            time(18),
            time(7),
        ],
    ),
}
ROWS = 10


def _table(places: list[int], keys: list[int] | None) -> pa.Table:
    arrays = {
        name: pa.array([values[place] for place in places], kind) for name, (kind, values) in COLUMNS.items()
    }
    if keys is not None:
        arrays["__row__"] = pa.array(keys, pa.int64())
    return pa.table(arrays)


def _blank() -> pa.Table:
    arrays = {name: pa.array([None] * 3, kind) for name, (kind, _) in COLUMNS.items()}
    return pa.table({**arrays, "__row__": pa.array([1, 2, 3], pa.int64())})


EVERY = list(range(ROWS))
TABLES = {
    "nasty": lambda: _table(EVERY, [place + 1 for place in EVERY]),
    "empty": lambda: _table([], []),
    "one row": lambda: _table([0], [1]),
    "only nulls": _blank,
    "no row key": lambda: _table(EVERY, None),
    "row keys with gaps, out of order": lambda: _table(EVERY, [30, 7, 9, 100, 1, 2, 15, 16, 99, 40]),
    "every row twice": lambda: _table(EVERY + EVERY, list(range(1, 2 * ROWS + 1))),
}


def write(name: str, folder: Path) -> Path:
    path = folder / f"{name.replace(' ', '-')}.parquet"
    pq.write_table(TABLES[name](), path)
    return path
