"""Makes the file: filter, project and mask in one streamed query over the release, written in release order.

Only rows and columns that may leave reach the new file; nothing is copied from the old one but the texts of the kept columns,
so statistics, dictionaries and metadata can tell of nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from duckdb import ColumnExpression, DuckDBPyConnection, DuckDBPyRelation, FunctionExpression

from auth.policy.filters.model import RowFilter
from auth.policy.model import ColumnTerm, DeliveryForm
from core.text import Text
from datasets.extracts.compile import condition, leaving

BATCH_ROWS: Final = 100_000
GROUP_ROWS: Final = 500_000
_ORDER: Final = "file_row_number"
_DANGEROUS: Final = r"^[=+\-@\t\r＝＋－＠]"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the file is to hold. `columns` in the order wanted; `key` is the grant's pseudonym key (32 bytes)."""

    columns: tuple[ColumnTerm, ...]
    row_filter: RowFilter | None
    form: DeliveryForm
    key: bytes
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Built:
    """What was written."""

    rows: int
    size_bytes: int


@contextmanager
def _engine(memory_limit_mb: int, scratch: Path) -> Iterator[DuckDBPyConnection]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory_limit_mb}MB",
        "temp_directory": str(scratch),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(config=config) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _visible(connection: DuckDBPyConnection, release: Path, row_filter: RowFilter | None) -> DuckDBPyRelation:
    source = connection.read_parquet(str(release), file_row_number=True)
    types = {name: str(kind) for name, kind in zip(source.columns, source.types, strict=True)}
    return source if row_filter is None else source.filter(condition(row_filter, types))


def count(release: Path, row_filter: RowFilter | None, *, memory_limit_mb: int, scratch: Path) -> int:
    """How many rows of the release the filter lets through."""
    with _engine(memory_limit_mb, scratch) as connection:
        counted = (
            _visible(connection, release, row_filter).aggregate([FunctionExpression("count")]).fetchone()
        )
    return int(counted[0]) if counted else 0


def build(
    release: Path,
    recipe: Recipe,
    out: Path,
    *,
    memory_limit_mb: int,
    scratch: Path,
    rows_expected: int = 0,
    on_progress: Callable[[float, Text], None] | None = None,
) -> Built:
    """Write `out`; memory stays bounded by `memory_limit_mb` and one batch. `out` must not exist."""
    with _engine(memory_limit_mb, scratch) as connection:
        visible = _visible(connection, release, recipe.row_filter)
        types = {name: str(kind) for name, kind in zip(visible.columns, visible.types, strict=True)}
        chosen = [leaving(term, types[term.name], recipe.key) for term in recipe.columns]
        reader = visible.sort(ColumnExpression(_ORDER).asc()).select(*chosen).to_arrow_reader(BATCH_ROWS)
        schema = _described(reader.schema, pq.read_schema(release), recipe)
        rows = 0
        with _writer(out, schema, recipe.form) as write:
            for batch in reader:
                write(batch.cast(schema) if batch.schema != schema else batch)
                rows += batch.num_rows
                if on_progress:
                    done = rows / rows_expected if rows_expected else 1.0
                    on_progress(min(done, 1.0), Text(f"已写出 {rows} 行", f"{rows} rows written"))
    return Built(rows, out.stat().st_size)


def _described(made: pa.Schema, released: pa.Schema, recipe: Recipe) -> pa.Schema:
    """The schema with the released texts of each kept column, and the recipe's facts about the whole."""
    fields = [field.with_metadata(released.field(field.name).metadata) for field in made]
    return pa.schema(
        fields, metadata={key.encode(): value.encode() for key, value in recipe.metadata.items()}
    )


@contextmanager
def _writer(out: Path, schema: pa.Schema, form: DeliveryForm) -> Iterator[Callable[[pa.RecordBatch], Any]]:
    if form is DeliveryForm.EXTRACT_CSV:
        with out.open("xb") as sink:
            sink.write("\ufeff".encode())
            with pacsv.CSVWriter(sink, schema.remove_metadata()) as writer:
                yield lambda batch: writer.write_batch(_defused(batch))
        return
    options = {
        "compression": "zstd",
        "compression_level": 1,
        "write_page_index": True,
        "write_page_checksum": True,
    }
    with pq.ParquetWriter(out, schema, **options) as writer:
        yield lambda batch: writer.write_batch(batch, row_group_size=GROUP_ROWS)


def _defused(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it. Parquet keeps it as it is."""
    arrays = [
        pc.if_else(
            pc.match_substring_regex(column, _DANGEROUS), pc.binary_join_element_wise("'", column, ""), column
        )
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(
        arrays, schema=pa.schema([pa.field(f.name, f.type) for f in batch.schema])
    )
