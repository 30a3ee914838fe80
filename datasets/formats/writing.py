"""One way to write rows in any form: batches go in, the file is whole when the context ends."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from auth.policy.model import ColumnTerm, DeliveryForm, Use
from datasets.cells import flat, safe_cells, safe_name
from datasets.formats.fitting import shape_of
from datasets.formats.geojson import FeatureWriter
from datasets.formats.json_lines import write_rows
from datasets.formats.xlsx import SheetWriter
from datasets.geometry import as_texts, shape_columns, texted
from datasets.releases.writer import encoding

GROUP_ROWS: Final = 500_000
FEW_ROWS: Final = 8_000
if TYPE_CHECKING:
    from typing_extensions import Buffer

Write = Callable[[pa.RecordBatch], None]


@contextmanager
def writing(
    out: Path, schema: pa.Schema, form: DeliveryForm, terms: Sequence[ColumnTerm], facts: Mapping[str, str]
) -> Iterator[Write]:
    """A function that appends batches of `schema` to `out`, which must not exist. `facts` go into metadata where the form has any."""
    match form:
        case DeliveryForm.EXTRACT_CSV | DeliveryForm.EXTRACT_CSV_GB18030:
            with _csv(out, schema, is_gb=form is DeliveryForm.EXTRACT_CSV_GB18030) as write:
                yield write
        case DeliveryForm.EXTRACT_XLSX:
            named = pa.schema([field.with_name(safe_name(field.name)) for field in schema])
            with SheetWriter(out, named, facts) as sheet:
                yield _celled(schema, _few(sheet.write))
        case DeliveryForm.EXTRACT_JSONL:
            with out.open("xb") as sink:
                yield _worded(schema, None, _few(lambda batch: write_rows(sink, batch)))
        case DeliveryForm.EXTRACT_GEOJSON:
            with _features(out, schema, terms, facts) as write:
                yield write
        case _:
            hashes = [term.name for term in terms if term.use is Use.PSEUDONYMISED]
            with pq.ParquetWriter(out, schema, **encoding(schema, plain=hashes)) as writer:
                yield lambda batch: writer.write_batch(batch, row_group_size=GROUP_ROWS)


@contextmanager
def _csv(out: Path, schema: pa.Schema, *, is_gb: bool) -> Iterator[Write]:
    spelt = texted(schema, shape_columns(schema.metadata))
    shown = pa.schema([pa.field(safe_name(field.name), flat(field.type)) for field in spelt])
    with out.open("xb") as file:
        sink = _Transcoded(file) if is_gb else file
        if not is_gb:
            sink.write(codecs.BOM_UTF8)
        with pacsv.CSVWriter(sink, shown) as writer:
            yield _celled(schema, writer.write_batch)


class _Transcoded(io.RawIOBase):
    """UTF-8 in, GB18030 out; GB18030 has a place for every character, so nothing can fail."""

    def __init__(self, sink: io.BufferedWriter) -> None:
        super().__init__()
        self._sink = sink
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        raw = bytes(data)
        self._sink.write(self._decoder.decode(raw).encode("gb18030"))
        return len(raw)


def _few(write: Write) -> Write:
    """`write` for a few rows at a time: as Python values they take many times the memory that they take in a batch."""

    def few(batch: pa.RecordBatch) -> None:
        for start in range(0, batch.num_rows, FEW_ROWS):
            write(batch.slice(start, FEW_ROWS))

    return few


def _worded(schema: pa.Schema, shape: str | None, write: Write) -> Write:
    """`write` with shapes as well-known text, but for the one that stays a shape."""
    shapes = [name for name in shape_columns(schema.metadata) if name != shape]
    spelt = texted(schema, shapes)

    def worded(batch: pa.RecordBatch) -> None:
        for each in as_texts([batch], shapes, spelt):
            write(each)

    return worded


def _celled(schema: pa.Schema, write: Write) -> Write:
    """`write` with every value as a cell that no spreadsheet runs."""
    spelt = texted(schema, shape_columns(schema.metadata))
    shown = pa.schema([pa.field(safe_name(field.name), flat(field.type)) for field in spelt])

    def celled(batch: pa.RecordBatch) -> None:
        write(pa.record_batch([safe_cells(values) for values in batch.columns], schema=shown))

    return _worded(schema, None, celled)


@contextmanager
def _features(
    out: Path, schema: pa.Schema, terms: Sequence[ColumnTerm], facts: Mapping[str, str]
) -> Iterator[Write]:
    shapes = shape_columns(schema.metadata)
    shape = shape_of(tuple(shapes), terms)
    if shape is None:
        raise ValueError("no column of shapes; the request ought to have been refused before")
    with out.open("xb") as sink:
        writer = FeatureWriter(sink, schema.names, shape, str(shapes[shape].get("crs_name", "")), facts)
        yield _worded(schema, shape, _few(writer.write))
        writer.finish()
