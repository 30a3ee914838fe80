"""Bounds with room around what a sample shows, in round numbers. Pure."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, Final

_ROOM: Final = Decimal("0.1")
_BOX_ROOM: Final = Decimal("0.1")


def bounds_with_slack(low: Any, high: Any, *, whole: bool = False) -> tuple[int | float, int | float]:
    """A tenth of the span more on either side, rounded outwards; what is never negative stays so."""
    least, most = Decimal(str(low)), Decimal(str(high))
    room = (most - least or abs(most) or Decimal(1)) * _ROOM
    step = Decimal(1).scaleb(max(room.adjusted(), 0) if whole else room.adjusted())
    down = (least - room).quantize(step, ROUND_FLOOR) if _fits(least, step) else least - room
    up = (most + room).quantize(step, ROUND_CEILING) if _fits(most, step) else most + room
    if least >= 0:
        down = max(down, Decimal(0))
    if most <= 0:
        up = min(up, Decimal(0))
    return _plain(down), _plain(up)


def box_with_slack(west: Any, south: Any, east: Any, north: Any) -> list[float]:
    """The box of the points, about ten kilometres wider, in tenths of a degree."""
    down = [(Decimal(str(each)) - _BOX_ROOM).quantize(Decimal("0.1"), ROUND_FLOOR) for each in (west, south)]
    up = [(Decimal(str(each)) + _BOX_ROOM).quantize(Decimal("0.1"), ROUND_CEILING) for each in (east, north)]
    return [float(each) for each in (*down, *up)]


def _fits(value: Decimal, step: Decimal) -> bool:
    """Whether the rounded number keeps within the digits of the decimal context."""
    return abs(value.adjusted() - step.adjusted()) < 24


def _plain(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() and abs(value) < 2**63 else float(value)
