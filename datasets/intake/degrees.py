"""Angles written in degrees, minutes and seconds, as SQL: 114°30′12″E, N22°30.5', 东经114度30分.

Minutes and seconds are below 60; only the last part has a fraction; a hemisphere must fit the axis and excludes a sign.
"""

from __future__ import annotations

from typing import Final, Literal

Axis = Literal["lon", "lat", "any"]

DEGREE_UNITS: Final = frozenset(
    {"°", "度", "degree", "degrees", "deg", "十进制度", "decimal degree", "decimal degrees"}
)
_LON: Final = frozenset({"lon", "lng", "long", "longitude", "经度", "經度"})
_LAT: Final = frozenset({"lat", "latitude", "纬度", "緯度"})
_MARKS: Final = ("º˚度′’‘＇ʹ´`分″”“＂ʺ秒ＮＳＥＷ", "°°°''''''''\"\"\"\"\"\"NSEW")
_NAMES: Final = (("东经", "E"), ("東經", "E"), ("西经", "W"), ("西經", "W"), ("北纬", "N"), ("北緯", "N"), ("南纬", "S"), ("南緯", "S"))  # fmt: skip
_SIDES: Final[dict[str, str]] = {"lon": "EW", "lat": "NS", "any": "NSEW"}
_MOST: Final[dict[str, int]] = {"lon": 180, "lat": 90, "any": 360}


def axis_of(unit: str | None, *names: str | None) -> Axis | None:
    """Which angle a column holds by its names or unit; None when it holds none."""
    words = {name.strip().casefold() for name in names if name}
    if words & _LON or any(word.endswith(("经度", "經度", "_lon", "_lng", "_longitude")) for word in words):
        return "lon"
    if words & _LAT or any(word.endswith(("纬度", "緯度", "_lat", "_latitude")) for word in words):
        return "lat"
    return "any" if (unit or "").strip().casefold() in DEGREE_UNITS else None


def angle(text: str, axis: Axis) -> str:
    """SQL of decimal degrees; NULL where `text` (narrow, no outer blanks) is no such angle."""
    marked = f"translate({text}, {_quoted(_MARKS[0])}, {_quoted(_MARKS[1])})"
    for name, side in _NAMES:
        marked = f"replace({marked}, '{name}', '{side}')"
    marked = f"replace(replace(upper({marked}), ' ', ''), '''''', '\"')"
    sides = _SIDES[axis]
    # side, sign, degrees, fraction, minutes, fraction, seconds, fraction, side
    shape = (
        f"^([{sides}]?)([-+]?)([0-9]{{1,3}})([.][0-9]+)?°?(?:([0-9]{{1,2}})([.][0-9]+)?''"
        f'(?:([0-9]{{1,2}})([.][0-9]+)?"?)?)?([{sides}]?)$'
    )
    names = "['a', 'sign', 'd', 'df', 'm', 'mf', 's', 'sf', 'b']"
    return f"list_transform([regexp_extract({marked}, '{shape}', {names})], lambda p: {_value(axis)})[1]"


def _value(axis: Axis) -> str:
    """SQL of the angle from its parts `p`."""
    degrees, minutes, seconds = (
        f"coalesce(try_cast(p.{whole} || p.{part} AS DOUBLE), 0)"
        for whole, part in (("d", "df"), ("m", "mf"), ("s", "sf"))
    )
    size = f"(({degrees} * 3600 + {minutes} * 60 + {seconds}) / 3600)"
    sound = (
        "p.d <> '' AND (p.a = '' OR p.b = '') AND (p.sign = '' OR p.a || p.b = '') "
        "AND (p.df = '' OR p.m = '') AND (p.mf = '' OR p.s = '') "
        f"AND {minutes} < 60 AND {seconds} < 60 AND {size} <= {_MOST[axis]}"
    )
    side = "(p.sign = '-' OR p.a || p.b IN ('S', 'W'))"
    return f"CASE WHEN {sound} THEN {size} * (CASE WHEN {side} THEN -1 ELSE 1 END) END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
