"""Permitted revenue year by year, as a pure function. Money is in fen, whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

BASIS: Final = "R18 发改价格〔2025〕65号（最高准许收入，超出部分在下期扣减）· highest permitted revenue, the excess deducted in the next period"


@dataclass(frozen=True, slots=True)
class YearOf:
    """One operator's year. `deducted`: the excess of the year before; `allowed`: what is left of the cap after it; no cap, no excess."""

    year: int
    taken_fen: int
    cap_fen: int | None
    deducted_fen: int
    allowed_fen: int | None
    excess_fen: int


def years(taken: Mapping[int, int], caps: Mapping[int, int]) -> tuple[YearOf, ...]:
    """Every year from the first to the last that has money or a cap. A year without a cap passes an excess on undiminished."""
    known = {*taken, *caps}
    found, carried = [], 0
    for year in range(min(known), max(known) + 1) if known else ():
        money, cap = taken.get(year, 0), caps.get(year)
        allowed = None if cap is None else max(0, cap - carried)
        excess = carried if cap is None else max(0, money - (cap - carried))
        found.append(YearOf(year, money, cap, carried, allowed, excess))
        carried = excess
    return tuple(found)
