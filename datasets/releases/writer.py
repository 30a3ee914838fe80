"""The files of a release: Parquet for machines, CSV for people where the data are open to everybody.

Both are functions of table and words alone, so making one twice gives the same bytes. Encodings measured in delivery.md §3.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from datasets import geoparquet
from datasets.cells import flat, safe_cells, safe_name
from datasets.content import ROW_COLUMN
from datasets.geometry import DERIVED, as_texts, converter, shape_columns, texted
from datasets.shapes import Shapes

GROUP_ROWS: Final = 524_288
_READ_ROWS: Final = 65_536
Progress = Callable[[float], None]


def write_parquet(
    table: Path,
    out: Path,
    words: Mapping[str, Mapping[str, str]],
    notes: Mapping[str, str],
    progress: Progress = lambda _share: None,
    shapes: Shapes = Shapes(),  # noqa: B008 - frozen
    sorted_by: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Write `table` without its row numbers to `out`; gives the columns as the manifest lists them.

    words: per column, what goes into its field's metadata (titles, unit, level …), in the dictionary's order: columns stand
    in that order in every release, however the department's file orders them. notes: the file's own metadata.
    shapes: what becomes GeoParquet. sorted_by: the columns that the rows of `table` are sorted by, for the footer to say.
    """
    with pq.ParquetFile(table) as source, converter() as engine:
        plain = _described(source.schema_arrow, words, notes)
        plan = geoparquet.plan(source, shapes, engine)
        schema = plan.schema(plain)
        places = [pq.SortingColumn(schema.get_field_index(name)) for name in sorted_by]
        rows = plan.batches(_batches(source, plain.names, progress), engine)
        write_groups(rows, schema, out, sorting=places)
    return [_listed(field, words.get(field.name, {})) for field in schema]


def _listed(field: pa.Field, words: Mapping[str, str]) -> dict[str, Any]:
    """A column as the manifest lists it; `derived_from` names the columns that a column of points was made of."""
    listed: dict[str, Any] = {"name": field.name, "type": str(field.type), **words}
    made_of = (field.metadata or {}).get(DERIVED)
    return listed | {"derived_from": json.loads(made_of)} if made_of else listed


def write_groups(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    out: Path,
    *,
    sorting: Sequence[pq.SortingColumn] = (),
) -> None:
    """Batches as a release file: how every Parquet file of a release is encoded. `sorting`: what its rows are sorted by."""
    with pq.ParquetWriter(out, schema, sorting_columns=list(sorting) or None, **encoding(schema)) as writer:
        for group in _groups(batches, schema):
            writer.write_table(group, row_group_size=GROUP_ROWS)


def write_csv(parquet: Path, out: Path, progress: Progress = lambda _share: None) -> None:
    """The release as UTF-8 CSV with a byte order mark, so that spreadsheets read Chinese right.

    Texts that a spreadsheet would run as a formula get an apostrophe in front; numbers are left alone. Shapes are
    well-known text.
    """
    with pq.ParquetFile(parquet) as source, out.open("xb") as sink:
        sink.write(b"\xef\xbb\xbf")
        schema = source.schema_arrow
        columns = shape_columns(schema.metadata)
        spelt = texted(schema, columns)
        shown = pa.schema([pa.field(safe_name(field.name), flat(field.type)) for field in spelt])
        with pacsv.CSVWriter(sink, shown) as writer:
            for batch in as_texts(_batches(source, schema.names, progress), columns, spelt):
                cells = [safe_cells(values) for values in batch.columns]
                writer.write_batch(pa.record_batch(cells, schema=shown))


def _batches(source: pq.ParquetFile, names: Sequence[str], progress: Progress) -> Iterator[pa.RecordBatch]:
    done, total = 0, max(source.metadata.num_rows, 1)
    for batch in source.iter_batches(_READ_ROWS, columns=list(names)):  # comes in the file's order of columns
        yield batch.select(list(names))
        done += batch.num_rows
        progress(done / total)


def _groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Batches gathered into row groups: the writer makes a group of every table that it is given."""
    held: list[pa.RecordBatch] = []
    rows = groups = 0
    for batch in batches:
        held.append(pa.record_batch(batch.columns, schema=schema))
        rows += batch.num_rows
        if rows >= GROUP_ROWS:
            yield pa.Table.from_batches(held, schema)
            held, rows, groups = [], 0, groups + 1
    if held or not groups:
        yield pa.Table.from_batches(held, schema)


def _described(
    schema: pa.Schema, words: Mapping[str, Mapping[str, str]], notes: Mapping[str, str]
) -> pa.Schema:
    place = {name: at for at, name in enumerate(words)}
    kept = sorted(
        (field for field in schema if field.name != ROW_COLUMN),
        key=lambda each: place.get(each.name, len(place)),
    )
    fields = [field.with_metadata(dict(words.get(field.name, {}))) for field in kept]
    return pa.schema(fields, metadata=dict(notes))


def encoding(schema: pa.Schema, plain: Collection[str] = ()) -> dict[str, Any]:
    """zstd-1; whole numbers, dates and times delta-encoded; the rest by dictionary; page index and checksums.

    plain: columns whose values hardly repeat, for which a dictionary would be built in vain.
    """
    counted = [field.name for field in schema if _is_counted(field.type)]
    unlisted = {*counted, *plain}
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [name for name in _leaf_names(schema) if name not in unlisted] or False,
        "column_encoding": dict.fromkeys(counted, "DELTA_BINARY_PACKED") or None,
        "write_page_index": True,
        "write_page_checksum": True,
        "store_schema": True,
    }


def _leaf_names(schema: pa.Schema) -> Iterable[str]:
    """Parquet paths of all leaves; a nested column is named by its leaves."""
    for field in schema:
        if pa.types.is_nested(field.type):
            continue  # nested columns keep the writer's own choice
        yield field.name


def _is_counted(kind: pa.DataType) -> bool:
    return (pa.types.is_integer(kind) and kind.bit_width >= 32) or any(
        test(kind) for test in (pa.types.is_timestamp, pa.types.is_date, pa.types.is_time)
    )
