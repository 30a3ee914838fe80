"""Areas on the map: a box or a GeoJSON polygon, and whether a point lies in one. Plane geometry in degrees."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import isfinite
from typing import Any, Final

MAX_POINTS: Final = 20_000
Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Area:
    """west, south, east, north; and the polygons (outer ring first, then holes), none for a mere box."""

    west: float
    south: float
    east: float
    north: float
    polygons: tuple[tuple[Ring, ...], ...] = ()

    def holds(self, longitude: float, latitude: float) -> bool:
        """The border belongs to the area."""
        if not (self.west <= longitude <= self.east and self.south <= latitude <= self.north):
            return False
        return not self.polygons or any(_in_polygon(longitude, latitude, rings) for rings in self.polygons)


def read_area(value: Any) -> Area:
    """[west, south, east, north], or a GeoJSON Polygon, MultiPolygon, or Feature of one. Raises ValueError."""
    if isinstance(value, list):
        west, south, east, north = map(_degrees, value)
        if west > east or south > north:
            raise ValueError("a box is [west, south, east, north]")
        return Area(west, south, east, north)
    geometry = value.get("geometry") if value.get("type") == "Feature" else value
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        raise ValueError("neither a box nor a polygon")
    several = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    polygons = tuple(tuple(_ring(points) for points in rings) for rings in several)
    points = [point for rings in polygons for ring in rings for point in ring]
    if not points or not all(polygons) or len(points) > MAX_POINTS:
        raise ValueError(f"a polygon has 1 to {MAX_POINTS} points")
    lons, lats = zip(*points, strict=True)
    return Area(min(lons), min(lats), max(lons), max(lats), polygons)


def is_area(value: Any) -> bool:
    try:
        read_area(value)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return False
    return True


def area_text(value: Any) -> str:
    """An area as the text by which it is passed on."""
    return json.dumps(value, sort_keys=True)


@lru_cache(maxsize=16)
def area_of(text: str) -> Area:
    return read_area(json.loads(text))


def lies_in(point: str, area: str) -> bool:
    """`point`: longitude and latitude, a comma between; `area`: as `area_text` gives it."""
    longitude, latitude = map(float, point.split(","))
    return area_of(area).holds(longitude, latitude)


def _degrees(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(value)
    return float(value)


def _ring(points: Any) -> Ring:
    ring = tuple((_degrees(point[0]), _degrees(point[1])) for point in points)
    if len(ring) < 4 or ring[0] != ring[-1]:
        raise ValueError("a ring has four points or more and ends where it begins")
    return ring


def _in_polygon(x: float, y: float, rings: Sequence[Ring]) -> bool:
    """Inside the outer ring and in no hole, by counting crossings over all rings; on an edge is inside."""
    inside = False
    for ring in rings:
        for (x1, y1), (x2, y2) in pairwise(ring):
            if _on_edge(x, y, x1, y1, x2, y2):
                return True
            if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
                inside = not inside
    return inside


def _on_edge(x: float, y: float, x1: float, y1: float, x2: float, y2: float) -> bool:
    if not (min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2)):
        return False
    return (x2 - x1) * (y - y1) == (y2 - y1) * (x - x1)
