"""Where the things of a lineage stand in a picture: columns from left to right, arrows between them. Numbers only, no markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from datasets.lineage.graph import Lineage, Node

WIDTH: Final = 200
HEIGHT: Final = 44
_ACROSS: Final = WIDTH + 56
_DOWN: Final = HEIGHT + 20
_EDGE: Final = 4
_COLUMN: Final = {"batch": 0, "suite": 0, "verdict": 1, "release": 2, "extract": 3, "others": 3}
MOST_DRAWN: Final = 12
_BEHIND: Final = "became"  # would run behind the verdict; its two arrows say the same


@dataclass(frozen=True, slots=True)
class Box:
    """A thing at its place; `x`, `y` are its upper left corner."""

    node: Node
    x: int
    y: int
    is_main: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line from one box to another, as the data of an SVG path."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole; `left_out` things stand in the table alone."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    left_out: int


def draw(found: Lineage) -> Picture:
    """Every column is filled from the top; of many extracts the newest are drawn."""
    rows = [0, 0, 0, 0]
    boxes: list[Box] = []
    left_out = 0
    for node in sorted(found.nodes, key=_order):
        column = _COLUMN[node.kind]
        if rows[column] >= MOST_DRAWN:
            left_out += 1
            continue
        x, y = _EDGE + column * _ACROSS, _EDGE + rows[column] * _DOWN
        boxes.append(Box(node, x, y, bool(node.facts.get("is_main"))))
        rows[column] += 1
    at = {box.node.id: box for box in boxes}
    arrows = [
        Arrow(_path(at[link.source], at[link.target]), link.kind)
        for link in found.links
        if link.source in at and link.target in at and link.kind != _BEHIND
    ]
    width = 2 * _EDGE + 3 * _ACROSS + WIDTH
    return Picture(width, 2 * _EDGE + max(rows) * _DOWN - 20, tuple(boxes), tuple(arrows), left_out)


def _order(node: Node) -> tuple[int, int]:
    """Others' extracts first, so that they are never left out; releases by number; all else as it came."""
    return (
        _COLUMN[node.kind],
        node.facts["number"] if node.kind == "release" else 0 if node.kind == "others" else 1,
    )


def _path(start: Box, end: Box) -> str:
    if start.x == end.x:
        middle = start.x + WIDTH // 2
        return f"M{middle} {start.y + HEIGHT} L{middle} {end.y - 6}"
    x1, y1, x2, y2 = start.x + WIDTH, start.y + HEIGHT // 2, end.x - 6, end.y + HEIGHT // 2
    bend = (x1 + x2) // 2
    return f"M{x1} {y1} C{bend} {y1} {bend} {y2} {x2} {y2}"
