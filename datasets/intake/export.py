"""The table that passed, as the Parquet a reader gets: no row numbers, titles and units on every column."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import ROW_COLUMN

BATCH_ROWS = 65_536


class OutputFacts(BaseModel):
    """The file written, by its content."""

    path: str
    sha256: str
    bytes: int
    rows: int


def export(table: Path, out: Path, dictionary: Dictionary, notes: Mapping[str, str]) -> OutputFacts:
    """Write `table` without its row numbers to `out`, whole or not at all. notes go into the file's metadata."""
    part = out.with_name(f".{out.name}.part")
    rows = 0
    try:
        with pq.ParquetFile(table) as source:
            schema = _described(source.schema_arrow, dictionary, notes)
            with pq.ParquetWriter(part, schema, compression="zstd", write_page_checksum=True) as writer:
                for batch in source.iter_batches(BATCH_ROWS, columns=schema.names):
                    rows += batch.num_rows
                    writer.write_batch(
                        pa.record_batch(batch.columns, schema=schema), row_group_size=1_048_576
                    )
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = part.stat().st_size
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return OutputFacts(path=str(out), sha256=digest, bytes=size, rows=rows)


def _described(schema: pa.Schema, dictionary: Dictionary, notes: Mapping[str, str]) -> pa.Schema:
    known = {column.name: column for column in dictionary.columns}
    fields = []
    for field in schema:
        if field.name == ROW_COLUMN:
            continue
        column = known.get(field.name)
        facts = (
            {}
            if column is None
            else column.model_dump(exclude_none=True, exclude={"name", "required", "type"})
        )
        fields.append(field.with_metadata({key: _plain(value) for key, value in facts.items()}))
    return pa.schema(fields, metadata=dict(notes))


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
