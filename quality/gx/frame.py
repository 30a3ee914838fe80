"""The reference engine: Great Expectations' pandas engine over the same Parquet, with missing values kept missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from great_expectations.execution_engine import PandasExecutionEngine

from quality import conditions
from quality.gx.facts import CURRENT, ROW, condition_name
from quality.kinds import Column, Kind

Series = pd.Series


class FrameExecutionEngine(PandasExecutionEngine):
    """`schema`: the file's own types, for handing the frame to DuckDB when a suite brings SQL of its own."""

    schema: pa.Schema

    def _apply_row_condition_filter(
        self, data: pd.DataFrame, row_condition: Any, domain_kwargs: dict[str, Any]
    ) -> pd.DataFrame:
        facts = CURRENT.get()
        mask = conditions.to_mask(
            facts.conditions[condition_name(row_condition)],
            facts.columns,
            lambda name: data[name],
            compared,
            among,
        )
        return data[mask.astype(bool)]


def read(table: Path, *, has_row_key: bool) -> pd.DataFrame:
    """Whole numbers and booleans stay so beside nulls; dates are time stamps; rows in key order."""
    frame = columns_of(table, None)
    if has_row_key:
        return frame.sort_values(ROW, kind="stable", ignore_index=True)
    frame[ROW] = np.arange(1, len(frame) + 1, dtype="int64")
    return frame


def columns_of(table: Path, names: list[str] | None) -> pd.DataFrame:
    """These columns (None: all) in the order of the file."""
    arrow = _spelt(pq.read_table(table, columns=names))
    frame: pd.DataFrame = arrow.to_pandas(
        types_mapper=_DTYPES.get, date_as_object=False, timestamp_as_object=False
    )
    for name, kind in zip(arrow.schema.names, arrow.schema.types, strict=True):
        if pa.types.is_dictionary(kind):
            frame[name] = frame[name].astype(object if not len(frame) else frame[name].cat.categories.dtype)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            frame[name] = frame[name].dt.tz_convert("UTC")
    return frame


def _spelt(table: pa.Table) -> pa.Table:
    """Shapes (GeoParquet's WKB) as well-known text, which is how the other engine reads them."""
    try:
        shapes = json.loads((table.schema.metadata or {})[b"geo"])["columns"]
    except (KeyError, TypeError, ValueError):
        return table
    for at, name in enumerate(table.schema.names):
        if name in shapes and pa.types.is_binary(table.schema.field(at).type):
            with duckdb.connect(config={"threads": 1}) as db:  # one thread keeps the order
                column = db.from_arrow(pa.table({"v": table.column(at)}))
                texts = column.project("ST_AsText(ST_GeomFromWKB(v)) AS v").to_arrow_table().column("v")
            table = table.set_column(at, name, texts)
    return table


def schema_of(table: Path, *, has_row_key: bool) -> pa.Schema:
    schema = pq.read_schema(table).remove_metadata()
    return schema if has_row_key else schema.append(pa.field(ROW, pa.int64()))


_DTYPES: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}

_OPS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def compared(left: Series, op: str, right: Any) -> Series:
    """A comparison that is False where a value is missing."""
    present = left.notna()
    if isinstance(right, pd.Series):
        present &= right.notna()
        right = right[present]
    result = pd.Series(False, index=left.index)
    result[present] = getattr(left[present], _OPS[op])(right).astype(bool)
    return result


def among(values: Series, wanted: list[Any], column: Column) -> Series:
    if not wanted:
        return pd.Series(False, index=values.index)
    if column.kind in {Kind.DATE, Kind.DATETIME}:
        stamps = pd.to_datetime(pd.Series(wanted, dtype=object), utc=column.zoned)
        return values.isin(stamps.astype(values.dtype)).astype(bool)
    return values.isin(wanted).fillna(False).astype(bool)


def text_of(values: Series, column: Column) -> Series:
    """Values as the text that DuckDB's CAST gives; missing ones must be filtered out before."""
    kind = column.kind
    if kind is Kind.TEXT:
        return values.astype(object)
    if kind is Kind.BOOLEAN:
        return values.map(lambda value: "true" if value else "false").astype(object)
    if kind is Kind.DATE:
        return values.map(lambda value: value.date().isoformat()).astype(object)
    if kind is Kind.DATETIME:
        return values.map(_stamp).astype(object)
    if kind is Kind.TIME:
        return values.map(_clock).astype(object)
    if kind is Kind.NUMBER:
        return values.map(lambda value: repr(float(value))).astype(object)
    return values.map(str).astype(object)


def _stamp(value: pd.Timestamp) -> str:
    text = value.isoformat(sep=" ")[:19] + _fraction(value.microsecond)
    return text + "+00" if value.tzinfo else text


def _clock(value: Any) -> str:
    return str(value.strftime("%H:%M:%S")) + _fraction(value.microsecond)


def _fraction(microseconds: int) -> str:
    return f".{microseconds:06d}".rstrip("0") if microseconds else ""
