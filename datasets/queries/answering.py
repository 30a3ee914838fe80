"""From the rows of cells to an answer: which figures are told, and of which rows each was made. Reads no database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from datasets.queries.bitmaps import bitmaps
from datasets.queries.engine import (
    Codes,
    Makers,
    Places,
    Rows,
    TooManyGroups,
    Whole,
    as_told,
    classes,
    figures,
    makers,
)
from datasets.queries.model import Classed, Count, Extremes, Group, Histogram, Mean, Quantile, QueryAsk, Sum
from datasets.queries.rules import (
    ASKED,
    Control,
    Figure,
    chains,
    complemented,
    is_safe_count,
    is_safe_sum,
    label,
    rounded_count,
    rounded_number,
)


@dataclass
class Told:
    """What may be told, before it is held against what was told earlier. `partitions`: by chain, sets of rows without overlap."""

    rows: list[dict[str, Any]]
    partitions: dict[str, list[list[BitMap]]] = field(default_factory=dict)
    hidden: int = 0

    def holds(self, chain: str, sets: list[BitMap]) -> None:
        """These sets are held against all others of the chain, once."""
        held = self.partitions.setdefault(chain, [])
        if sets and sets not in held:
            held.append(sets)

    @property
    def is_empty(self) -> bool:
        return not any(value is not None for row in self.rows for value in row["figures"].values())


def tell(
    ask: QueryAsk, found: Rows, who: Codes | None, control: Control, lists: dict[str, list[str]]
) -> Told:
    """Every figure that the rules let out; groups of which nothing is told do not appear, unless a published list names them."""
    counting = _Counting(found, who, control)
    columns = {label(measure): counting.figured(measure) for measure in ask.select}
    told = Told([])
    for measure in ask.select:
        values, sets = columns[label(measure)]
        told.holds(ASKED, counting.asked([value is not None for value in values]))
        for chain in chains(measure):
            told.holds(chain, sets)
    names = [label(group) for group in ask.group_by]
    for at, key in enumerate(found.keys):
        row = {
            "group": dict(zip(names, map(as_told, key), strict=True)),
            "figures": {name: values[at] for name, (values, _) in columns.items()},
        }
        told.hidden += sum(value is None for value in row["figures"].values())
        if any(value is not None for value in row["figures"].values()):
            told.rows.append(row)
    _add_listed(told, ask, lists)
    return told


def _add_listed(told: Told, ask: QueryAsk, lists: dict[str, list[str]]) -> None:
    """With one group by a published list, every code appears: an empty group looks like one that is too small."""
    if (
        len(ask.group_by) != 1
        or (listed := lists.get(ask.group_by[0].column)) is None
        or not _is_whole(ask.group_by[0])
    ):
        return
    name = label(ask.group_by[0])
    there = {row["group"][name]: row for row in told.rows}
    nothing = {label(measure): None for measure in ask.select}
    told.rows = [there.pop(code, {"group": {name: code}, "figures": nothing}) for code in listed] + list(
        there.values()
    )


def _is_whole(group: Group) -> bool:
    return group.width is None and group.unit is None


Column = tuple[list[Any], list[BitMap]]
MOST_FINE: Final = 100_000  # groups × classes of one measure, each of which is judged by itself


class _Part:
    """The rows where a column is there, by cell; who made them and which they are is worked out once for all measures."""

    def __init__(
        self, cells: int, cell: Whole, places: Places, who: Codes | None, *, is_summed: bool = True
    ) -> None:
        self.cells, self.cell, self.places, self.who, self.is_summed = cells, cell, places, who, is_summed

    @cached_property
    def makers(self) -> Makers:
        return makers(self.cells, self.cell, self.places, self.who, is_summed=self.is_summed)

    @cached_property
    def sets(self) -> list[BitMap]:
        return list(bitmaps(self.cells, self.cell, self.places))

    def told(self, which: Sequence[bool]) -> list[BitMap]:
        return (
            [rows for rows, ok in zip(self.sets, which, strict=True) if ok and len(rows)]
            if any(which)
            else []
        )


class _Counting:
    """The figures of one question's measures over the rows found."""

    def __init__(self, found: Rows, who: Codes | None, control: Control) -> None:
        self.found, self.who, self.control, self.cells = found, who, control, len(found.keys)
        self.every = _Part(self.cells, found.cell, found.places, who)
        self.parts: dict[str, tuple[_Part, NDArray[np.float64]]] = {}
        self.sums: dict[str, tuple[list[Figure], list[bool]]] = {}

    def present(self, column: str) -> tuple[_Part, NDArray[np.float64]]:
        """The rows where the value is there, and the values."""
        if column not in self.parts:
            amounts, part = self.found.values[column], self.every
            there = np.isfinite(amounts)
            if not there.all():
                amounts = amounts[there]
                part = _Part(self.cells, self.found.cell[there], self.found.places[there], self.who)
            self.parts[column] = part, amounts
        return self.parts[column]

    def asked(self, told: Sequence[bool]) -> list[BitMap]:
        """All rows asked about, whatever they hold: those of each cell told of, and the others together."""
        apart = [rows for rows, ok in zip(self.every.sets, told, strict=True) if ok]
        rest = BitMap.union(
            BitMap(), *(rows for rows, ok in zip(self.every.sets, told, strict=True) if not ok)
        )
        return [rows for rows in (*apart, rest) if len(rows)]

    def figured(self, measure: Count | Sum | Mean | Classed) -> Column:
        """The values of a measure by cell, None where it stays in; and the sets of rows of what is told."""
        if isinstance(measure, Count):
            return self._counted()
        part, amounts = self.present(measure.column)
        if not isinstance(measure, Sum | Mean):
            return _classed(measure, part, amounts, self.control)
        if measure.column not in self.sums:
            made = figures(part.makers, amounts)
            self.sums[measure.column] = made, complemented(made, lambda each: is_safe_sum(each, self.control))
        made, told = self.sums[measure.column]
        share = isinstance(measure, Mean)
        values = [
            rounded_number(each.value / each.rows if share else each.value, self.control.digits)
            if ok
            else None
            for each, ok in zip(made, told, strict=True)
        ]
        return values, part.told(told)

    def _counted(self) -> Column:
        made = figures(self.every.makers, None)
        told = complemented(made, lambda figure: is_safe_count(figure, self.control))
        values = [
            rounded_count(each.rows, self.control.round_to) if ok else None
            for each, ok in zip(made, told, strict=True)
        ]
        return values, self.every.told(told)


def _classed(measure: Classed, part: _Part, amounts: NDArray[np.float64], control: Control) -> Column:
    """Histogram, quantile and extremes all come from classes of values; a class is told, or pointed at, only when it is safe."""
    at, starts = classes(amounts, measure.width)
    many = max(len(starts), 1)
    if part.cells * many > MOST_FINE:
        raise TooManyGroups
    at += part.cell * many
    fine = _Part(part.cells * many, at, part.places, part.who, is_summed=False)
    made = figures(fine.makers, None)
    values: list[Any] = []
    told: list[bool] = []
    for k in range(part.cells):
        own = made[k * many : (k + 1) * many]
        shown = _classes_told(own, control)
        value, used = _said(measure, own, shown, [float(start) * measure.width for start in starts], control)
        values.append(value)
        told += used
    return values, fine.told(told)


def _classes_told(own: list[Figure], control: Control) -> list[bool]:
    """Which classes are safe; empty ones hold nobody and are no sets."""
    there = [at for at, figure in enumerate(own) if figure.rows]
    kept = complemented([own[at] for at in there], lambda figure: is_safe_count(figure, control))
    found = [False] * len(own)
    for at, ok in zip(there, kept, strict=True):
        found[at] = ok
    return found


def _said(
    measure: Classed, own: list[Figure], shown: list[bool], starts: list[float], control: Control
) -> tuple[Any, list[bool]]:
    """The value of one cell, and which of its classes it tells of."""
    nothing: list[bool] = [False] * len(own)
    safe = [at for at, ok in enumerate(shown) if ok]
    if not safe:
        return None, nothing
    ends = [round(start, 9) for start in starts]
    match measure:
        case Histogram():
            listed = [
                {
                    "from": ends[at],
                    "to": round(ends[at] + measure.width, 9),
                    "count": rounded_count(own[at].rows, control.round_to),
                }
                for at in safe
            ]
            return listed, shown
        case Extremes():
            value = {"lowest": ends[safe[0]], "highest": round(ends[safe[-1]] + measure.width, 9)}
            return value, [at in (safe[0], safe[-1]) for at in range(len(own))]
        case Quantile():
            at = _where(own, measure.q)
            if not shown[at]:
                return None, nothing
            return {"from": ends[at], "to": round(ends[at] + measure.width, 9)}, [
                each == at for each in range(len(own))
            ]


def _where(own: list[Figure], q: float) -> int:
    """The class that holds the quantile: the first at which `q` of the rows are reached."""
    wanted, seen = q * sum(figure.rows for figure in own), 0
    for at, figure in enumerate(own):
        seen += figure.rows
        if figure.rows and seen >= wanted:
            return at
    return len(own) - 1
