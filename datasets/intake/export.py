"""The table that passed, as the Parquet a reader gets: no row numbers, titles and units on every column."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from datasets.intake.dictionary import Dictionary
from datasets.intake.footer import noted


class OutputFacts(BaseModel):
    """The file written, by its content."""

    path: str
    sha256: str
    bytes: int
    rows: int


def export(table: Path, out: Path, dictionary: Dictionary, notes: Mapping[str, str]) -> OutputFacts:
    """Write `table` (which has no row numbers) to `out`, whole or not at all. notes go into the file's metadata."""
    part = out.with_name(f".{out.name}.part")
    schema = _described(pq.read_schema(table), dictionary, notes)
    described = base64.b64encode(schema.serialize().to_pybytes()).decode()  # how Arrow keeps texts of columns
    digest = hashlib.sha256()
    try:
        with part.open("wb") as file:
            for chunk in noted(table, {**notes, "ARROW:schema": described}):
                digest.update(chunk)
                file.write(chunk)
        size = part.stat().st_size
        rows = pq.read_metadata(part).num_rows
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return OutputFacts(path=str(out), sha256=digest.hexdigest(), bytes=size, rows=rows)


def _described(schema: pa.Schema, dictionary: Dictionary, notes: Mapping[str, str]) -> pa.Schema:
    known = {column.name: column for column in dictionary.columns}
    fields = []
    for field in schema:
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
