"""Small tables as bytes in memory, with the same values as whole files have."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as pacsv

from datasets.cells import flat, safe_cells, safe_name
from datasets.formats.values import json_of
from datasets.geometry import as_texts, shape_columns, texted


def as_lines(table: pa.Table) -> Iterator[bytes]:
    """A JSON object for each row; shapes as well-known text."""
    for batch in _spelt(table):
        for row in batch.to_pylist():
            yield json_of(row)


def as_csv(table: pa.Table) -> bytes:
    """CSV in UTF-8 with nothing in it that a spreadsheet would run."""
    spelt = texted(table.schema, shape_columns(table.schema.metadata))
    shown = pa.schema([pa.field(safe_name(field.name), flat(field.type)) for field in spelt])
    sink = pa.BufferOutputStream()
    with pacsv.CSVWriter(sink, shown) as writer:
        for batch in _spelt(table):
            writer.write_batch(pa.record_batch([safe_cells(each) for each in batch.columns], schema=shown))
    return bytes(sink.getvalue())


def as_arrow(table: pa.Table) -> bytes:
    """An Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _spelt(table: pa.Table) -> Iterator[pa.RecordBatch]:
    shapes = shape_columns(table.schema.metadata)
    return as_texts(table.to_batches(), shapes, texted(table.schema, shapes))
