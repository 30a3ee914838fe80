"""Parquet as handed in: its footer looked at before any reader trusts it, its columns kept as typed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import InputRefused
from core.text import Text, number_of
from datasets.intake.facts import MAX_COLUMNS, FindingLog
from datasets.intake.layout import column_names
from datasets.intake.staging import Staged

MAX_FOOTER_BYTES: Final = 64 << 20
MAX_FOOTER_ITEMS: Final = 1_000_000
FREE_ROWS: Final = 20_000_000
MAX_ROWS_PER_BYTE: Final = 200  # beyond, one value was written once and repeated without end
KINDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "integer",
        (
            "TINYINT",
            "SMALLINT",
            "INTEGER",
            "BIGINT",
            "HUGEINT",
            "UTINYINT",
            "USMALLINT",
            "UINTEGER",
            "UBIGINT",
        ),
    ),
    ("number", ("FLOAT", "DOUBLE", "DECIMAL")),
    ("boolean", ("BOOLEAN",)),
    ("datetime", ("TIMESTAMP",)),
    ("date", ("DATE",)),
    ("time", ("TIME",)),
    ("string", ("VARCHAR",)),
)


def stage_parquet(db: duckdb.DuckDBPyConnection, path: Path, log: FindingLog) -> Staged:
    """Check the footer and list the columns; the file itself is what will be read."""
    rows = _checked_rows(path)
    try:
        described = db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
    except duckdb.Error as error:
        raise _damaged() from error
    fields = [str(row[0]) for row in described]
    headers = column_names(fields, len(fields), None, log)
    native = {name: str(row[1]) for name, row in zip(fields, described, strict=True)}
    if "file_row_number" in {name.casefold() for name in fields}:
        raise InputRefused(
            Text(
                "Parquet 里有名为 file_row_number 的列，这是保留名；请改名后重新提交。",
                "The Parquet has a column named file_row_number, a reserved name; rename it and hand it in again.",
            )
        )
    return Staged(path, fields, headers, rows, None, empty_is_null=False, native=native)


def kind_of(native: str) -> str:
    """Our word for a DuckDB type; nested and rare types are kept as text."""
    return next((kind for kind, names in KINDS if native.startswith(names) and "[" not in native), "string")


def _checked_rows(path: Path) -> int:
    """Number of rows by the footer; raises InputRefused for a footer that lies about its own size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 8), os.SEEK_SET)
        length, magic = int.from_bytes(file.read(4), "little"), file.read(4)
    if size < 12 or magic != b"PAR1" or not 0 < length <= min(size - 12, MAX_FOOTER_BYTES):
        raise _damaged()
    try:
        with pq.ParquetFile(
            path,
            thrift_string_size_limit=MAX_FOOTER_BYTES,
            thrift_container_size_limit=MAX_FOOTER_ITEMS,
        ) as opened:
            metadata, columns = opened.metadata, len(opened.schema_arrow)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged() from error
    if columns > MAX_COLUMNS:
        raise InputRefused(
            Text(
                f"表有 {columns} 列，上限是 {MAX_COLUMNS} 列；请改成长表后重新提交。",
                f"The table has {number_of(columns, 'columns')}, the limit is {MAX_COLUMNS}; hand it in as a long table.",
            )
        )
    groups = sum(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups))
    if metadata.num_rows < 0 or groups != metadata.num_rows:
        raise _damaged()
    if metadata.num_rows == 0:
        raise InputRefused(
            Text(
                "Parquet 里没有数据行；请检查导出后重新提交。",
                "The Parquet holds no rows; check the export and hand it in again.",
            )
        )
    if metadata.num_rows > max(FREE_ROWS, MAX_ROWS_PER_BYTE * size):
        raise InputRefused(
            Text(
                f"Parquet 声明有 {metadata.num_rows} 行，与 {size} 字节的文件大小不成比例；请检查导出后重新提交。",
                f"The Parquet says it has {number_of(metadata.num_rows, 'rows')}, out of proportion to its {number_of(size, 'bytes')}; check the export and hand it in again.",
            )
        )
    return int(metadata.num_rows)


def _damaged() -> InputRefused:
    return InputRefused(
        Text(
            "Parquet 文件已损坏或不完整（文件尾不可信）；请重新导出后提交。",
            "The Parquet file is damaged or cut off (its footer cannot be trusted); export it again.",
        )
    )
