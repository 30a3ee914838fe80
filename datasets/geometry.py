"""Shapes in the files that we give out: GeoParquet 1.1, a WKB column and the file's `geo` metadata.

Tables inside the service hold shapes as well-known text in the engine's own spelling, which text and WKB turn into each
other without loss; `faithful` proves it for every cell before a file is written.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

VERSION: Final = "1.1.0"
GEO: Final = b"geo"
DERIVED: Final = b"derived_from"
POINT_HEAD: Final = b"\x01\x01\x00\x00\x00"  # little-endian, a point
POINT_BYTES: Final = 21
KINDS: Final = (
    *("Geometry", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"),
    "GeometryCollection",
)
_SCHEMA: Final = "https://proj.org/schemas/v0.7/projjson.schema.json"
_LON: Final = {"name": "Geodetic longitude", "abbreviation": "Lon", "direction": "east", "unit": "degree"}
_LAT: Final = {"name": "Geodetic latitude", "abbreviation": "Lat", "direction": "north", "unit": "degree"}
# PROJJSON by the record's word. GCJ-02 and BD-09 shift positions on purpose and have no public definition: their
# files say `null` (unknown), which no program takes for WGS 84, and carry the name beside it.
PROJJSON: Final[dict[str, dict[str, Any] | None]] = {
    "WGS84": {
        "$schema": _SCHEMA, "type": "GeographicCRS", "name": "WGS 84 (CRS84)",
        "datum": {
            "type": "GeodeticReferenceFrame", "name": "World Geodetic System 1984",
            "ellipsoid": {"name": "WGS 84", "semi_major_axis": 6378137, "inverse_flattening": 298.257223563},
        },
        "coordinate_system": {"subtype": "ellipsoidal", "axis": [_LON, _LAT]},
        "id": {"authority": "OGC", "code": "CRS84"},
    },
    "CGCS2000": {
        "$schema": _SCHEMA, "type": "GeographicCRS", "name": "China Geodetic Coordinate System 2000",
        "datum": {
            "type": "GeodeticReferenceFrame", "name": "China 2000",
            "ellipsoid": {"name": "CGCS2000", "semi_major_axis": 6378137, "inverse_flattening": 298.257222101},
        },
        "coordinate_system": {"subtype": "ellipsoidal", "axis": [_LAT, _LON]},
        "id": {"authority": "EPSG", "code": 4490},
    },
    "GCJ02": None,
    "BD09": None,
}  # fmt: skip
NAMES: Final = {"WGS84": "WGS 84", "CGCS2000": "CGCS2000", "GCJ02": "GCJ-02", "BD09": "BD-09"}


class Converter:
    """Well-known text to WKB and back, by the engine; one engine for many batches."""

    def __init__(self, db: duckdb.DuckDBPyConnection) -> None:
        self._db = db

    def wkb(self, texts: pa.Array) -> pa.Array:
        """WKB of each text; null where it is null or no geometry."""
        return self._map(texts, "ST_AsWKB(TRY(CAST(v AS GEOMETRY)))", pa.binary())

    def text(self, shapes: pa.Array) -> pa.Array:
        """Well-known text of each WKB."""
        return self._map(shapes, "ST_AsText(TRY(ST_GeomFromWKB(v)))", pa.string())

    def _map(self, values: pa.Array, sql: str, kind: pa.DataType) -> pa.Array:
        given = pa.table({"v": values})
        found = self._db.from_arrow(given).project(f"{sql} AS v").to_arrow_table()
        return found.column("v").cast(kind).combine_chunks() if found.num_rows else pa.array([], kind)


@contextmanager
def converter() -> Iterator[Converter]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,  # keeps rows in order
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    with duckdb.connect(config=config) as db:
        db.execute("SET enable_progress_bar = false")
        yield Converter(db)


@dataclass(slots=True)
class Extent:
    """The box around shapes, and which kinds there are; `low` and `high` by axis x, y and, if any has it, z."""

    low: list[float] = field(default_factory=lambda: [math.inf] * 3)
    high: list[float] = field(default_factory=lambda: [-math.inf] * 3)
    kinds: set[str] = field(default_factory=set)

    def add(self, shapes: pa.Array) -> None:
        shapes = shapes.drop_null()
        if self._add_points(shapes):
            return
        for shape in shapes.to_pylist():
            self._read(shape, 0, is_part=False)

    def _add_points(self, shapes: pa.Array) -> bool:
        """Take in an array of nothing but flat points at once; False where it holds anything else."""
        if (places := flat_points(shapes)) is None:
            return False
        for axis, numbers in enumerate(places.T):
            if len(known := numbers[~np.isnan(numbers)]):
                self.low[axis] = min(self.low[axis], float(known.min()))
                self.high[axis] = max(self.high[axis], float(known.max()))
        self.kinds.add("Point")
        return True

    @property
    def box(self) -> list[float] | None:
        """GeoParquet's bbox; None when there is no coordinate at all."""
        axes = [axis for axis in range(3) if self.low[axis] <= self.high[axis]]
        return [self.low[i] for i in axes] + [self.high[i] for i in axes] if len(axes) >= 2 else None

    def _read(self, shape: bytes, at: int, *, is_part: bool) -> int:
        """Take one WKB geometry in from `at`; returns where it ends."""
        order = "<" if shape[at] == 1 else ">"
        code = struct.unpack_from(f"{order}I", shape, at + 1)[0]
        kind, space = code % 1000, code // 1000
        at += 5
        if not is_part:
            self.kinds.add(KINDS[kind] + (" Z" if space in (1, 3) else ""))
        size = 2 + (space in (1, 3)) + (space in (2, 3))
        if kind == 1:
            return self._positions(shape, at, 1, size, order, has_z=space in (1, 3))
        number, at = struct.unpack_from(f"{order}I", shape, at)[0], at + 4
        if kind == 2:
            return self._positions(shape, at, number, size, order, has_z=space in (1, 3))
        for _ in range(number):
            if kind == 3:
                points, at = struct.unpack_from(f"{order}I", shape, at)[0], at + 4
                at = self._positions(shape, at, points, size, order, has_z=space in (1, 3))
            else:
                at = self._read(shape, at, is_part=True)
        return at

    def _positions(self, shape: bytes, at: int, number: int, size: int, order: str, *, has_z: bool) -> int:
        numbers = struct.unpack_from(f"{order}{number * size}d", shape, at)
        for axis in range(3 if has_z else 2):
            if known := [each for each in numbers[axis::size] if not math.isnan(each)]:
                self.low[axis] = min(self.low[axis], *known)
                self.high[axis] = max(self.high[axis], *known)
        return at + number * size * 8


def points_of(lon: pa.Array, lat: pa.Array) -> pa.Array:
    """WKB points of two columns of degrees; null where either is null or not finite."""
    pair = [values.cast(pa.float64()) for values in (lon, lat)]
    whole = pc.fill_null(pc.and_(pc.is_finite(pair[0]), pc.is_finite(pair[1])), False)
    cells = np.empty((len(lon), POINT_BYTES), "u1")
    cells[:, :5] = np.frombuffer(POINT_HEAD, "u1")
    for at, values in zip((5, 13), pair, strict=True):
        numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False).astype("<f8")
        cells[:, at : at + 8] = numbers.view("u1").reshape(-1, 8)
    points = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(POINT_BYTES), len(lon), [None, pa.py_buffer(cells.tobytes())]
    )
    return pc.if_else(whole, points, pa.scalar(None, points.type)).cast(pa.binary())


def flat_points(shapes: pa.Array) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """The coordinates of an array of nothing but flat points, a row each; None where it holds anything else."""
    if not len(shapes) or pc.any(pc.not_equal(pc.binary_length(shapes), POINT_BYTES)).as_py():
        return None
    start, end = np.frombuffer(shapes.buffers()[1], "i4")[[shapes.offset, shapes.offset + len(shapes)]]
    cells = np.frombuffer(shapes.buffers()[2], "u1")[start:end].reshape(-1, POINT_BYTES)
    if not (cells[:, :5] == np.frombuffer(POINT_HEAD, "u1")).all():
        return None
    return cells[:, 5:].copy().view("<f8")


def faithful(texts: Iterable[pa.Array], engine: Converter, extent: Extent) -> bool:
    """Whether every text comes back from its WKB letter by letter; fills `extent` on the way."""
    for some in texts:
        shapes = engine.wkb(some)
        if not engine.text(shapes).equals(some.cast(pa.string())):
            return False
        extent.add(shapes)
    return True


def geo_metadata(extents: Mapping[str, Extent], crs: str | None) -> str:
    """The `geo` value of a file whose first shape column is the primary one."""
    columns = {}
    for name, extent in extents.items():
        told: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": sorted(extent.kinds),
            "crs": PROJJSON.get(crs or ""),
        }
        if extent.box:
            told["bbox"] = extent.box
        if crs:
            told["crs_name"] = NAMES.get(crs, crs)
        columns[name] = told
    body = {"version": VERSION, "primary_column": next(iter(extents)), "columns": columns}
    return json.dumps(body, ensure_ascii=False, sort_keys=True)


def shape_columns(metadata: Mapping[bytes, bytes] | None) -> dict[str, dict[str, Any]]:
    """The WKB columns that a file's metadata names, each with what is said of it."""
    try:
        told = json.loads((metadata or {})[GEO])
        columns = told["columns"]
        return {name: dict(each) for name, each in columns.items() if each.get("encoding") == "WKB"}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def kept_metadata(
    metadata: Mapping[bytes, bytes] | None, names: Collection[str], points: Collection[str] = ()
) -> str | None:
    """The `geo` value for a file that holds only `names` of these columns; boxes are left out, they tell of all rows.

    points: columns in which every shape became a point.
    """
    kept = {
        name: {key: value for key, value in each.items() if key != "bbox"}
        | ({"geometry_types": ["Point"]} if name in points else {})
        for name, each in shape_columns(metadata).items()
        if name in names
    }
    if not kept:
        return None
    body = {"version": VERSION, "primary_column": next(iter(kept)), "columns": kept}
    return json.dumps(body, ensure_ascii=False, sort_keys=True)


def unboxed(schema: pa.Schema) -> pa.Schema:
    """The schema of a file that holds the same columns but not all of the rows."""
    told = kept_metadata(schema.metadata, schema.names)
    return schema.with_metadata({**(schema.metadata or {}), GEO: told.encode()}) if told else schema


def as_texts(
    batches: Iterable[pa.RecordBatch], columns: Collection[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The batches with WKB columns as well-known text. schema: what `texted` makes of theirs."""
    if not columns:
        yield from batches
        return
    with converter() as engine:
        for batch in batches:
            yield pa.record_batch(
                [
                    engine.text(values) if name in columns else values
                    for name, values in zip(batch.schema.names, batch.columns, strict=True)
                ],
                schema=schema,
            )


def texted(schema: pa.Schema, columns: Collection[str]) -> pa.Schema:
    """The schema with those columns as text."""
    fields = [pa.field(f.name, pa.string(), metadata=f.metadata) if f.name in columns else f for f in schema]
    return pa.schema(fields)
