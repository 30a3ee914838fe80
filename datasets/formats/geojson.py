"""GeoJSON (RFC 7946), a feature a line, so that it streams both ways.

The collection's own line names the columns and the one that became the geometry; programs pass over such members.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from io import BufferedReader, BufferedWriter
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from datasets.formats.json_lines import LONGEST_LINE, as_batches, text_schema
from datasets.formats.values import json_of
from datasets.geometry import KINDS

_END: Final = b"]}\n"


class FeatureWriter:
    """Writes features one after the other; `finish` closes the collection."""

    def __init__(
        self, sink: BufferedWriter, names: Sequence[str], shape: str, crs_name: str, facts: Mapping[str, str]
    ) -> None:
        self._sink, self._shape, self._is_first = sink, shape, True
        head: dict[str, Any] = {"type": "FeatureCollection", "columns": list(names), "geometry_column": shape}
        head |= {"crs_name": crs_name, **facts, "features": []}
        sink.write(json_of(head).removesuffix(b"]}") + b"\n")

    def write(self, batch: pa.RecordBatch) -> None:
        lines = []
        for row in batch.to_pylist():
            shape = row.pop(self._shape)
            geometry = geometry_of(shape) if shape is not None else None
            lines.append(json_of({"type": "Feature", "geometry": geometry, "properties": row}))
        if lines:
            self._sink.write((b"" if self._is_first else b",\n") + b",\n".join(lines))
            self._is_first = False

    def finish(self) -> None:
        self._sink.write((b"" if self._is_first else b"\n") + _END)


def geometry_of(wkb: bytes) -> dict[str, Any]:
    """A WKB shape as GeoJSON geometry. ValueError for kinds that GeoJSON does not have."""
    found, _ = _read(wkb, 0)
    return found


def _read(wkb: bytes, at: int) -> tuple[dict[str, Any], int]:
    order = "<" if wkb[at] == 1 else ">"
    code = struct.unpack_from(f"{order}I", wkb, at + 1)[0]
    kind, space, at = code % 1000, code // 1000, at + 5
    if not 1 <= kind <= 7 or space > 3:
        raise ValueError(f"no GeoJSON geometry: WKB kind {code}")
    size = 2 + (space in (1, 3)) + (space in (2, 3))
    kept = 3 if space in (1, 3) else 2  # a measure has no place in GeoJSON
    if kind == 1:
        points, at = _positions(wkb, at, 1, size, kept, order)
        flat = points[0] if not math.isnan(points[0][0]) else []
        return {"type": "Point", "coordinates": flat}, at
    number, at = struct.unpack_from(f"{order}I", wkb, at)[0], at + 4
    if kind == 2:
        points, at = _positions(wkb, at, number, size, kept, order)
        return {"type": "LineString", "coordinates": points}, at
    if kind == 3:
        rings = []
        for place in range(number):
            count, at = struct.unpack_from(f"{order}I", wkb, at)[0], at + 4
            ring, at = _positions(wkb, at, count, size, kept, order)
            rings.append(_turned(ring, counter_clockwise=place == 0))
        return {"type": "Polygon", "coordinates": rings}, at
    parts = []
    for _ in range(number):
        part, at = _read(wkb, at)
        parts.append(part)
    if kind == 7:
        return {"type": "GeometryCollection", "geometries": parts}, at
    return {"type": KINDS[kind], "coordinates": [part["coordinates"] for part in parts]}, at


def _positions(
    wkb: bytes, at: int, number: int, size: int, kept: int, order: str
) -> tuple[list[list[float]], int]:
    found = struct.unpack_from(f"{order}{number * size}d", wkb, at)
    points = [list(found[i * size : i * size + kept]) for i in range(number)]
    return points, at + number * size * 8


def _turned(ring: list[list[float]], *, counter_clockwise: bool) -> list[list[float]]:
    """The ring in the direction that RFC 7946 asks for: outer ones counter-clockwise, holes clockwise."""
    twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
    return ring if twice == 0 or (twice > 0) == counter_clockwise else ring[::-1]


def read_features(path: Path, rows: int) -> pa.RecordBatchReader:
    """The rows as texts, the geometry under its column's name. ValueError for what was not written here."""
    with path.open("rb") as source:
        names, shape = _head(source)

    def batches() -> Iterator[pa.RecordBatch]:
        with path.open("rb") as source:
            _head(source)
            yield from as_batches(_features(source, names, shape), names, rows)

    return pa.RecordBatchReader.from_batches(text_schema(names), batches())


def _head(source: BufferedReader) -> tuple[list[str], str]:
    line = source.readline(LONGEST_LINE)
    head = json.loads(line + b"]}")
    names, shape = head["columns"], head["geometry_column"]
    if head["features"] or shape not in names:
        raise ValueError("no features, a line each")
    return names, shape


def _features(source: BufferedReader, names: list[str], shape: str) -> Iterator[dict[str, Any]]:
    while line := source.readline(LONGEST_LINE):
        if line == _END:
            if source.read(1):
                raise ValueError("something follows the features")
            return
        found = json.loads(line.rstrip().removesuffix(b","))
        properties = found["properties"]
        if set(found) != {"type", "geometry", "properties"} or set(properties) != set(names) - {shape}:
            raise ValueError("a feature differs in its columns")
        yield {name: found["geometry"] if name == shape else properties[name] for name in names}
    raise ValueError("the features do not end")
