"""Headers of several rows: 车位 over 总数 and 空位 becomes 车位_总数, 车位_空位.

Joined when a person says how many rows there are (`told`). Else only in a workbook, when its merged cells prove it: a cell that spans several columns (but not the whole table) stands above a
filled cell in each of them, and every other column has exactly one name in these rows. Anything less is read as one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from datasets.intake.layout import clean_name, filled, kind_of

ROWS_LOOKED_AT: Final = 30
MOST_ROWS: Final = 4
MOST_TOLD: Final = 10
Cells = Sequence[str | None]
Range = tuple[tuple[int, int], tuple[int, int]]  # first and last cell, each (row, column) from 0


class Joined(NamedTuple):
    """The header's rows (from 0, both included) and the names that they give."""

    first: int
    last: int
    names: list[str]


def join(rows: Sequence[Cells], merged: Sequence[Range]) -> Joined | None:
    """The header that merged cells prove. rows: the sheet's first rows from the top; None where nothing is proven."""
    width = max((i + 1 for cells in rows for i, cell in enumerate(cells) if cell and cell.strip()), default=0)
    for first in sorted(
        {top for (top, left), (bottom, right) in merged if _groups(top, left, bottom, right, width)}
    ):
        found = _from(first, rows, merged, width)
        if found is not None:
            return found
    return None


def _groups(top: int, left: int, bottom: int, right: int, width: int) -> bool:
    """A merged cell that can stand above several columns without being the title of all."""
    return top == bottom and right > left and right - left + 1 < width


def _from(first: int, rows: Sequence[Cells], merged: Sequence[Range], width: int) -> Joined | None:
    inside = [each for each in merged if first <= each[0][0] < first + MOST_ROWS]
    last = max([first + 1, *(b for (t, left), (b, right) in inside if t == first and left == right)])
    if any(_groups(t, left, b, right, width) and t == last for (t, left), (b, right) in inside):
        last += 1
    if last - first >= MOST_ROWS or last + 1 >= len(rows) or any(filled(cells) > 1 for cells in rows[:first]):
        return None
    inside = [each for each in inside if each[0][0] <= last]  # those further down belong to the records
    grid = [[_cell(cells, i) for i in range(width)] for cells in rows[first : last + 1]]
    spanned: set[tuple[int, int]] = set()
    for (top, left), (bottom, right) in inside:
        if bottom > last or right >= width:
            return None
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                grid[row - first][column] = grid[top - first][left]
        if right > left and grid[top - first][left]:  # an empty block groups nothing
            spanned |= {(top, column) for column in range(left, right + 1)}
    names = [_name([row[i] for row in grid], [(first + r, i) in spanned for r in range(len(grid))]) for i in range(width)]  # fmt: skip
    if not all(names) or len({name.casefold() for name in names}) < width or not filled(rows[last + 1]):
        return None
    return Joined(first, last, names)


def told(rows: Sequence[Cells]) -> list[str]:
    """One name for each column from the header's rows, top to bottom.

    A title stands above its own column and those right of it that have no title but something below, as long as its own
    column has something below as well.
    """
    width = max((len(cells) for cells in rows), default=0)
    grid = [[_cell(cells, i) for i in range(width)] for cells in rows]
    below = [False] * width
    for row in reversed(grid):
        title = ""
        for column, cell in enumerate(row):
            if cell:
                title = cell if below[column] else ""
            elif title and below[column]:
                row[column] = title
            else:
                title = ""
        below = [one or bool(cell) for one, cell in zip(below, row, strict=True)]
    paths = [[row[column] for row in grid if row[column]] for column in range(width)]
    return ["_".join(part for i, part in enumerate(path) if i == 0 or part != path[i - 1]) for path in paths]


def _name(path: Sequence[str], spans: Sequence[bool]) -> str:
    """One column's name from its cells, top to bottom; "" where the rows do not settle it."""
    parts = [part for i, part in enumerate(path) if part and (i == 0 or part != path[i - 1])]
    if any(kind_of(part) in ("number", "date") for part in parts[:1]):
        return ""
    groups = sum(spans)
    if not parts or spans[-1] or len(parts) != groups + 1:
        return ""
    return "_".join(parts)


def _cell(cells: Cells, index: int) -> str:
    return clean_name(cells[index]) if index < len(cells) else ""
