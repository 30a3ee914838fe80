"""Which datum coordinates are in: WGS-84 (CGCS2000 agrees with it within centimetres), GCJ-02 of Chinese web maps, BD-09.

GCJ-02 shifts places by 100 to 700 metres; BD-09 shifts them once more. Both are undone here to about a metre, which
is enough to say whether a point lies in its area. Outside China the shift is not defined and none is applied.
"""

from __future__ import annotations

import json
from functools import lru_cache
from math import atan2, cos, hypot, isfinite, pi, sin, sqrt
from typing import Any, Final, Literal

from quality.own.areas import Area, read_area

Datum = Literal["WGS-84", "CGCS2000", "GCJ-02", "BD-09"]
DATUMS: Final[tuple[Datum, ...]] = ("WGS-84", "CGCS2000", "GCJ-02", "BD-09")
REACH_DEG: Final = 0.02
"""No place is shifted further than this."""
_AXIS_M: Final = 6_378_245.0
_ECCENTRICITY: Final = 0.00669342162296594323
_BD_TURN: Final = pi * 3000.0 / 180.0
Point = tuple[float, float]


def to_wgs84(longitude: float, latitude: float, datum: str) -> Point:
    """The same place in WGS-84."""
    if datum in ("WGS-84", "CGCS2000"):
        return longitude, latitude
    if datum == "BD-09":
        longitude, latitude = _from_bd09(longitude, latitude)
    return _from_gcj02(longitude, latitude)


def to_gcj02(longitude: float, latitude: float) -> Point:
    """The place as a Chinese web map draws it."""
    if not (73.0 < longitude < 136.0 and 3.0 < latitude < 54.0):
        return longitude, latitude
    x, y = longitude - 105.0, latitude - 35.0
    wave = 20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x))
    north += (wave + 20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x))
    east += (wave + 20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    radians = latitude / 180.0 * pi
    bend = 1.0 - _ECCENTRICITY * sin(radians) ** 2
    meridian = _AXIS_M * (1.0 - _ECCENTRICITY) / (bend * sqrt(bend)) * pi / 180.0
    parallel = _AXIS_M / sqrt(bend) * cos(radians) * pi / 180.0
    return longitude + east / parallel, latitude + north / meridian


def _from_gcj02(longitude: float, latitude: float) -> Point:
    """The shift changes so slowly that two rounds undo it."""
    x, y = longitude, latitude
    for _ in range(2):
        east, north = to_gcj02(x, y)
        x, y = x + longitude - east, y + latitude - north
    return x, y


def _from_bd09(longitude: float, latitude: float) -> Point:
    x, y = longitude - 0.0065, latitude - 0.006
    away = hypot(x, y) - 0.00002 * sin(y * _BD_TURN)
    turn = atan2(y, x) - 0.000003 * cos(x * _BD_TURN)
    return away * cos(turn), away * sin(turn)


def plan_text(area: Any, crs: str) -> str:
    """Area (WGS-84) and declared datum as the text by which they are passed on."""
    return json.dumps([area, crs], sort_keys=True)


@lru_cache(maxsize=16)
def _plan(text: str) -> tuple[Area, str]:
    area, crs = json.loads(text)
    return read_area(area), crs


def fits(point: str, plan: str) -> bool:
    """Whether "longitude,latitude" lies in the area once it is taken for the declared datum."""
    longitude, latitude = map(float, point.split(","))
    if not (isfinite(longitude) and isfinite(latitude)):
        return False
    area, crs = _plan(plan)
    return area.holds(*to_wgs84(longitude, latitude, crs))


def guess(longitude: float, latitude: float, area: Any, declared: str) -> str | None:
    """What a point outside its area looks like: `swapped`, `projected` metres, or another datum; None when like nothing."""
    if abs(longitude) > 180 or abs(latitude) > 180:
        return "projected"
    known = read_area(area)
    if known.holds(*to_wgs84(latitude, longitude, declared)):
        return "swapped"
    for other in DATUMS:
        if other != declared and known.holds(*to_wgs84(longitude, latitude, other)):
            return other
    return None
