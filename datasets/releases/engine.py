"""A private DuckDB for one piece of work on releases: bounded memory, spilling to a given folder, nothing fetched from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from core.errors import Conflict
from core.text import Text

PLACE = "file_row_number"  # DuckDB's own name for the place of a row in its file
_BATCH_ROWS = 65_536


@contextmanager
def engine(memory_limit_mb: int, scratch: Path, *, keeps_order: bool = True) -> Iterator[DuckDBPyConnection]:
    """keeps_order: whether rows without ORDER BY come as they stand; without it, large joins need less memory."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_limit_mb}MB", "temp_directory": str(scratch),
        "preserve_insertion_order": "true" if keeps_order else "false", "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }  # fmt: skip
    with duckdb.connect(config=config) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("SET enable_progress_bar = false")
        db.execute("SET enable_geoparquet_conversion = false")  # shapes stay the bytes that they are
        yield db


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def batches_of(found: DuckDBPyConnection, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query in the types of `schema`, which names its columns in order."""
    for batch in found.to_arrow_reader(_BATCH_ROWS):
        columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def demand_no_clash(names: Sequence[str]) -> None:
    """Refuse a column that bears the name of the row's place."""
    if any(name.casefold() == PLACE for name in names):
        raise Conflict(
            Text(
                f"名为“{PLACE}”的列与内部名称冲突，无法排序或分区；请在数据字典中改名。",
                f"A column named {PLACE} clashes with an inner name, so rows can be neither sorted nor split; rename it in the dictionary.",
            )
        )
