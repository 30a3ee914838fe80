"""A box on the earth, as records state it and searches ask for it: degrees, west, south, east, north."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_NUMBER: Final = re.compile(r"[+-]?\d{1,3}(\.\d{1,12})?")
_PARTED: Final = re.compile(r"[,，;；\s]+")


class Box(NamedTuple):
    """Longitudes in −180…180, latitudes in −90…90; it never reaches over the 180th meridian."""

    west: float
    south: float
    east: float
    north: float

    def __str__(self) -> str:
        return ",".join(f"{each:.10f}".rstrip("0").rstrip(".") for each in self)


def box_of(text: str) -> Box:
    """Four numbers with commas or blanks between them. Raises ValueError saying what is wrong."""
    parts = [part for part in _PARTED.split(text.strip()) if part]
    if len(parts) != 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        raise ValueError("a box is four numbers in degrees: west,south,east,north")
    box = Box(*(float(part) for part in parts))
    if not (-180 <= box.west <= 180 and -180 <= box.east <= 180):
        raise ValueError("west and east lie between -180 and 180")
    if not (-90 <= box.south <= 90 and -90 <= box.north <= 90):
        raise ValueError("south and north lie between -90 and 90")
    if box.west > box.east or box.south > box.north:
        raise ValueError("west must not exceed east, nor south north")
    return box
