"""The types of a file that is read in place: what Spark, Delta's kernel, pandas, polars and DuckDB all agree on.

Naive timestamps of a release are local time (UTC+8); here they become instants in UTC, since Delta's clients cannot read the
naive kind in every mode. Times of day become text: Delta has no such type.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

_EAST: Final = pa.scalar(8 * 3600 * 1_000_000, pa.duration("us"))
_INSTANT: Final = pa.timestamp("us", tz="UTC")
_WORDS: Final = (
    (pa.types.is_boolean, "boolean"), (pa.types.is_int8, "byte"), (pa.types.is_int16, "short"), (pa.types.is_int32, "integer"),
    (pa.types.is_int64, "long"), (pa.types.is_float32, "float"), (pa.types.is_float64, "double"), (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "timestamp"), (pa.types.is_string, "string"), (pa.types.is_large_string, "string"),
    (pa.types.is_binary, "binary"), (pa.types.is_large_binary, "binary"),
)  # fmt: skip
_WIDER: Final = {
    pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0),
    pa.float16(): pa.float32(),
}  # fmt: skip


def readable_type(kind: pa.DataType) -> pa.DataType:
    """The type in which such a column is published."""
    if pa.types.is_timestamp(kind):
        return _INSTANT
    if pa.types.is_time(kind) or pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_dictionary(kind):
        return readable_type(kind.value_type)
    return _WIDER.get(kind, kind)


def readable(columns: list[pa.Array]) -> list[pa.Array]:
    """The columns in those types."""
    return [_readable(column) for column in columns]


def _readable(column: pa.Array) -> pa.Array:
    if not pa.types.is_timestamp(column.type):
        return column.cast(readable_type(column.type))
    if column.type.tz is not None:
        return column.cast(_INSTANT)
    return pc.subtract(column.cast(pa.timestamp("us")), _EAST).cast(_INSTANT)


def delta_schema(schema: pa.Schema) -> str:
    """The schema as Spark writes it: JSON text."""
    return json.dumps(_struct(schema), ensure_ascii=False)


def _struct(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a schema or a struct type
    held = [
        {"name": field.name, "type": _word(field.type), "nullable": True, "metadata": _comment(field)}
        for field in fields
    ]
    return {"type": "struct", "fields": held}


def _comment(field: pa.Field) -> dict[str, str]:
    said = (field.metadata or {}).get(b"title_zh") or (field.metadata or {}).get(b"datagrant:title_zh")
    return {"comment": said.decode()} if said else {}


def _word(kind: pa.DataType) -> Any:  # noqa: ANN401 - a word or a nested description
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return {"type": "array", "elementType": _word(kind.value_type), "containsNull": True}
    if pa.types.is_struct(kind):
        return _struct(kind)
    for fits, word in _WORDS:
        if fits(kind):
            return word
    raise ValueError(f"no reader in place knows the type {kind}")
