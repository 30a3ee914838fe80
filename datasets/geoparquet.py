"""A typed table on its way into a release: columns of well-known text become WKB, pairs of degrees become points.

A column whose text would not come back letter by letter stays text, so that what is published is what was judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.geometry import (
    DERIVED,
    Converter,
    Extent,
    converter,
    faithful,
    geo_metadata,
    points_of,
)
from datasets.shapes import Points, Shapes

READ_ROWS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes a shape in this very table, with the box around each; `geo` is the file's metadata, None without shapes."""

    columns: tuple[str, ...]
    points: Points | None
    geo: str | None

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema of the file: same texts of columns, shapes as bytes, points at the end."""
        fields = [
            pa.field(f.name, pa.binary(), metadata=f.metadata) if f.name in self.columns else f
            for f in schema
        ]
        notes = dict(schema.metadata or {})
        if self.points is not None:
            source = json.dumps([self.points.lon, self.points.lat], ensure_ascii=False)
            fields.append(pa.field(self.points.name, pa.binary(), metadata={DERIVED: source}))
        if self.geo is not None:
            notes[b"geo"] = self.geo.encode()
        return pa.schema(fields, metadata=notes)

    def batches(self, batches: Iterable[pa.RecordBatch], engine: Converter) -> Iterator[pa.RecordBatch]:
        """The same rows with shapes."""
        for batch in batches:
            names = list(batch.schema.names)
            values = [
                engine.wkb(column) if name in self.columns else column
                for name, column in zip(names, batch.columns, strict=True)
            ]
            if self.points is not None:
                names.append(self.points.name)
                values.append(_points(batch, self.points))
            yield pa.record_batch(values, names=names)


def plan(table: pq.ParquetFile, shapes: Shapes, engine: Converter) -> Plan:
    """Look at every shape once: what can be one, and where it lies. The first column of shapes is the primary one."""
    schema = table.schema_arrow
    extents: dict[str, Extent] = {}
    for name in shapes.columns:
        if name in schema.names and _is_text(schema.field(name).type):
            extent = Extent()
            if faithful(_column(table, name), engine, extent):
                extents[name] = extent
    columns = tuple(extents)
    points = shapes.points if shapes.points and _can_be_made(schema, shapes.points) else None
    if points is not None:
        extents[points.name] = _around(table, points)
    return Plan(columns, points, geo_metadata(extents, shapes.crs) if extents else None)


def rewrite(table: Path, out: Path, shapes: Shapes) -> str | None:
    """Write `table` to `out` with shapes, without metadata of its own; returns the `geo` value, None (nothing written) without shapes."""
    with pq.ParquetFile(table) as source, converter() as engine:
        made = plan(source, shapes, engine)
        if made.geo is None:
            return None
        schema = made.schema(source.schema_arrow).remove_metadata()
        with pq.ParquetWriter(
            out, schema, compression="zstd", compression_level=1, store_schema=False
        ) as sink:
            for batch in made.batches(source.iter_batches(READ_ROWS), engine):
                sink.write_batch(pa.record_batch(batch.columns, schema=schema))
        return made.geo


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _can_be_made(schema: pa.Schema, points: Points) -> bool:
    if points.name in schema.names:
        return False
    return all(
        name in schema.names and _is_number(schema.field(name).type) for name in (points.lon, points.lat)
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _column(table: pq.ParquetFile, name: str) -> Iterator[pa.Array]:
    for batch in table.iter_batches(READ_ROWS, columns=[name]):
        yield batch.column(0)


def _points(batch: pa.RecordBatch, points: Points) -> pa.Array:
    return points_of(batch.column(points.lon), batch.column(points.lat))


def _around(table: pq.ParquetFile, points: Points) -> Extent:
    """The box of the pairs that are whole, without making the points."""
    extent = Extent()
    for batch in table.iter_batches(READ_ROWS, columns=[points.lon, points.lat]):
        lon, lat = (batch.column(name).cast(pa.float64()) for name in (points.lon, points.lat))
        whole = pc.and_(pc.is_finite(lon), pc.is_finite(lat))
        for axis, values in enumerate((lon.filter(whole), lat.filter(whole))):
            if len(values):
                found = pc.min_max(values)
                extent.low[axis] = min(extent.low[axis], found["min"].as_py())
                extent.high[axis] = max(extent.high[axis], found["max"].as_py())
                extent.kinds.add("Point")
    return extent
