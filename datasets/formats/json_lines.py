"""JSON lines: one record a line, every column in each, in the order asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BufferedReader, BufferedWriter
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from datasets.formats.values import json_of

LONGEST_LINE: Final = 64 * 1024 * 1024


def write_rows(sink: BufferedWriter, batch: pa.RecordBatch) -> None:
    """Append the rows."""
    sink.write(b"".join(json_of(row) + b"\n" for row in batch.to_pylist()))


def read_rows(path: Path, rows: int) -> pa.RecordBatchReader:
    """The rows as texts, `rows` at a time. ValueError for what is no such file, or has records of differing columns."""
    with path.open("rb") as source:
        first = next(records(source), None)
    names = list(first) if first else []

    def batches() -> Iterator[pa.RecordBatch]:
        with path.open("rb") as source:
            yield from as_batches(records(source), names, rows)

    return pa.RecordBatchReader.from_batches(text_schema(names), batches())


def text_schema(names: list[str]) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])


def as_batches(found: Iterator[dict[str, Any]], names: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Records as columns of text; ValueError for one with other columns."""
    schema = text_schema(names)
    while some := list(islice(found, rows)):
        if any(list(each) != names for each in some):
            raise ValueError("records differ in their columns")
        yield pa.record_batch([[said(each[name]) for each in some] for name in names], schema=schema)


def said(value: Any) -> str | None:  # noqa: ANN401 - a JSON value
    """A JSON value as it would stand in a cell."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def records(source: BufferedReader) -> Iterator[dict[str, Any]]:
    """One object a line. ValueError for anything else."""
    while line := source.readline(LONGEST_LINE):
        found = json.loads(line)
        if not isinstance(found, dict):
            raise ValueError("a line is no record")
        yield found
