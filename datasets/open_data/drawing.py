"""Pictures of numbers and places as coordinates for SVG. Pure; nothing is fetched from anybody's map server."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH, HEIGHT, MARGIN = 720, 440, 44
_STEPS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 45)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the graticule; `at`: its place across or down, `label`: its degrees."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Map:
    """Points inside a frame with meridians and parallels around them."""

    points: list[tuple[float, float]]
    meridians: list[Line]
    parallels: list[Line]
    west: float
    south: float
    east: float
    north: float


def bars(
    rows: Sequence[int], width: float = 120, height: float = 28
) -> list[tuple[float, float, float, float]]:
    """(x, y, width, height) of each bar; the highest fills the height, whatever is there shows at least a pixel."""
    most = max(rows, default=0)
    each = width / max(1, len(rows))
    tall = [max(1.0, height * n / most) if n else 0.0 for n in rows] if most else [0.0 for _ in rows]
    return [
        (round(n * each, 2), round(height - high, 2), round(max(0.5, each - 1), 2), round(high, 2))
        for n, high in enumerate(tall)
    ]


def drawn(points: Sequence[tuple[float, float]]) -> Map:
    """The points on a plain graticule; a degree of longitude is as wide as it is in the middle of them."""
    west, east = _span([lon for lon, _ in points])
    south, north = _span([lat for _, lat in points])
    squeeze = max(0.05, math.cos(math.radians((south + north) / 2)))
    scale = min((WIDTH - 2 * MARGIN) / ((east - west) * squeeze), (HEIGHT - 2 * MARGIN) / (north - south))
    left = (WIDTH - (east - west) * squeeze * scale) / 2
    top = (HEIGHT - (north - south) * scale) / 2

    def x(lon: float) -> float:
        return round(left + (lon - west) * squeeze * scale, 1)

    def y(lat: float) -> float:
        return round(top + (north - lat) * scale, 1)

    placed = list(dict.fromkeys((x(lon), y(lat)) for lon, lat in points))
    return Map(
        placed, [Line(x(one), _degrees(one, "E", "W")) for one in _ticks(west, east)],
        [Line(y(one), _degrees(one, "N", "S")) for one in _ticks(south, north)], west, south, east, north,
    )  # fmt: skip


def _span(values: Sequence[float]) -> tuple[float, float]:
    """A little more than the values span, so that no point lies on the frame."""
    low, high = min(values), max(values)
    air = max((high - low) * 0.06, 0.002)
    return low - air, high + air


def _ticks(low: float, high: float) -> list[float]:
    step = next((each for each in _STEPS if (high - low) / each <= 6), 90)
    first = math.ceil(low / step)
    return [round(n * step, 6) for n in range(first, math.floor(high / step) + 1)]


def _degrees(value: float, plus: str, minus: str) -> str:
    return f"{abs(value):g}°{'' if value == 0 else plus if value > 0 else minus}"
