"""The digest of a table's values, whatever file they stand in.

Why this exists: the gate judges the typed table of intake, the public gets a file of its own making. Both must hold the
very same values, and that is only provable with a digest that does not depend on encodings, row groups or compression.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.geometry import DERIVED, as_texts, points_of, shape_columns, texted

ROW_COLUMN: Final = "__row__"
_BATCH_ROWS: Final = 131_072


def content_digest(parquet: Path, order: Sequence[str] = ()) -> str:
    """SHA-256 over column names, types, nulls and values in row order; `__row__` is left out. 64 hex digits.

    order: the columns as the table that was judged has them, where the file has them in another order. Shapes count
    as the well-known text that they stand for, so WKB and text have the same digest. Raises RuntimeError where points made
    from two columns contradict them.
    """
    with pq.ParquetFile(parquet) as file:
        schema = file.schema_arrow
        names = list(order) or [name for name in schema.names if name != ROW_COLUMN]
        batches = (batch.select(names) for batch in file.iter_batches(_BATCH_ROWS, columns=names))
        fields = [schema.field(name) for name in names]
        _demand_true_points(file, schema)
        if shapes := shape_columns(schema.metadata):
            spelt = texted(pa.schema(fields), shapes)
            return digest_of(list(spelt), as_texts(batches, shapes, spelt))
        return digest_of(fields, batches)


def _demand_true_points(file: pq.ParquetFile, schema: pa.Schema) -> None:
    """Points made from two columns are no values of their own; but they must say what those columns say."""
    for field in schema:
        pair = json.loads((field.metadata or {}).get(DERIVED, b"[]"))
        if len(pair) != 2 or not set(pair) <= set(schema.names):
            continue
        for batch in file.iter_batches(_BATCH_ROWS, columns=[*pair, field.name]):
            made = points_of(batch.column(pair[0]), batch.column(pair[1]))
            if not made.equals(batch.column(field.name)):
                raise RuntimeError(f"the points in {field.name} are not those of {' and '.join(pair)}")


def digest_of(fields: list[pa.Field], batches: Iterable[pa.RecordBatch]) -> str:
    """The digest of record batches; how rows are cut into batches does not matter."""
    columns = [_Column(field) for field in fields]
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        for column, values in zip(columns, batch.columns, strict=True):
            column.add(values)
    body = {"rows": rows, "columns": [column.digest() for column in columns]}
    return hashlib.sha256(json.dumps(body, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


class _Column:
    """One column's running digests: which cells are null, how long texts are, and the bytes of the values."""

    def __init__(self, field: pa.Field) -> None:
        self.field = field
        self._nulls, self._lengths, self._values = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()

    def add(self, values: pa.Array) -> None:
        kind = values.type
        self._nulls.update(_bytes_of(pc.is_null(values).cast(pa.uint8())))
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        kept, kind = values.drop_null(), values.type
        if _is_text(kind):
            self._add_texts(kept.cast(pa.large_binary()))
        elif pa.types.is_boolean(kind):
            self._values.update(_bytes_of(kept.cast(pa.uint8())))
        elif pa.types.is_primitive(kind) or pa.types.is_decimal(kind):
            self._values.update(_bytes_of(kept))
        else:
            for value in kept.to_pylist():
                self._values.update(json.dumps(value, default=str, ensure_ascii=False).encode() + b"\n")

    def _add_texts(self, texts: pa.Array) -> None:
        self._lengths.update(_bytes_of(pc.binary_length(texts).cast(pa.int64())))
        if len(texts) and (data := texts.buffers()[2]) is not None:
            offsets = memoryview(texts.buffers()[1]).cast("q")
            start, end = offsets[texts.offset], offsets[texts.offset + len(texts)]
            self._values.update(memoryview(data)[start:end])

    def digest(self) -> list[Any]:
        return [
            self.field.name,
            _type_word(self.field.type),
            self._nulls.hexdigest(),
            self._lengths.hexdigest(),
            self._values.hexdigest(),
        ]


def _type_word(kind: pa.DataType) -> str:
    """The type's name, the same before and after a trip through Parquet."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind):
        return "string"
    return str(kind)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _bytes_of(values: pa.Array) -> memoryview:
    """The value buffer of a fixed-width array without nulls, exactly its own part."""
    width = values.type.bit_width // 8
    start = values.offset * width
    return (
        memoryview(values.buffers()[1])[start : start + len(values) * width]
        if len(values)
        else memoryview(b"")
    )
