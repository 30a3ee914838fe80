"""Values as cells of a CSV that people open in spreadsheets. Parquet needs none of this.

Why this exists: a spreadsheet runs a text cell that begins with `=` or its like as a formula, also in the header, so such
a text gets an apostrophe in front. Numbers are left alone: `-5` is no formula. Nested and binary values have no cell form
of their own: they become JSON and hexadecimal text.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

_DANGEROUS: Final = r"^[=+\-@\t\r\n＝＋－＠]"


def flat(kind: pa.DataType) -> pa.DataType:
    """The type that a column of this type has in a CSV."""
    return pa.string() if pa.types.is_nested(kind) or pa.types.is_binary(kind) else kind


def safe_cells(values: pa.Array) -> pa.Array:
    """The column as cells; null stays null."""
    kind = values.type
    if pa.types.is_nested(kind):
        return _texts(values, lambda value: json.dumps(value, ensure_ascii=False, default=str))
    if pa.types.is_binary(kind):
        return _texts(values, bytes.hex)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return values
    marked = pc.binary_join_element_wise(pa.scalar("'", kind), values, pa.scalar("", kind))
    return pc.if_else(pc.match_substring_regex(values, _DANGEROUS), marked, values)


def safe_name(name: str) -> str:
    """A column's name as a header cell."""
    return f"'{name}" if re.match(_DANGEROUS, name) else name


def _texts(values: pa.Array, said: Any) -> pa.Array:  # noqa: ANN401 - any value to text
    return pa.array([None if value is None else said(value) for value in values.to_pylist()], pa.string())
