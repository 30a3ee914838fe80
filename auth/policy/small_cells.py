"""Small cells: which groups of rows are too small to leave. Pure; the engine that finds them is in `datasets.extracts.small_cells`.

A group is all rows that agree in every quasi-identifier that the grant lets leave, as they would leave (after masks), and in every
one that it only filters by, as it is: else two filters a step apart would differ by one row, whose value is then known. The columns
of the grant count, not those of one request: two extracts with a few columns each could be joined to the finer groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from auth.asset import Asset
from auth.policy.limits import Limits
from auth.policy.model import LEAVING, ColumnTerm, DropMask, Use

CODE: Final = "small-cells"


@dataclass(frozen=True, slots=True)
class SmallCells:
    """`terms`: the quasi-identifiers; groups below `min_rows` stay out, or stop the extract where `is_refused`."""

    terms: tuple[ColumnTerm, ...]
    min_rows: int
    is_refused: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "quasi_identifiers": [term.name for term in self.terms],
            "min_rows": self.min_rows,
            "rule": "refuse" if self.is_refused else "leave out",
        }


def small_cells(asset: Asset, granted: Iterable[ColumnTerm], limits: Limits) -> SmallCells | None:
    """The rule for what leaves of this dataset; None where its level asks for none or no quasi-identifier is granted."""
    min_rows = limits["small_cell_min_rows"]
    if asset.level < limits["small_cell_from_level"] or min_rows < 2:
        return None
    terms = tuple(
        term if term.use in LEAVING else ColumnTerm(name=term.name, use=Use.PLAIN)
        for term in granted
        if (term.use in LEAVING or term.use is Use.FILTER_ONLY)
        and (column := asset.column(term.name)) is not None
        and column.identifier_kind == "QI"
        and not isinstance(term.mask, DropMask)
    )
    return SmallCells(terms, min_rows, limits["small_cell_refuses"] > 0) if terms else None
