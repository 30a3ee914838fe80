"""The tables of docs/machines.md as a reader sees them: a second implementation of every machine, by the printed words alone.

Slow and plain on purpose: it imports nothing of the product, keeps no index, and goes down a printed table from its first line for every step.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "docs" / "machines.md"


class Line(NamedTuple):
    """One line of a printed table. `who`: roles, a permission or a side; empty: the service itself."""

    state: str
    step: str
    to: str
    who: tuple[str, ...]


def tables(page: str) -> dict[str, list[Line]]:
    """The lines of each machine, by its name."""
    found: dict[str, list[Line]] = {}
    for chapter in page.split("\n## ")[1:]:
        name, _, text = chapter.partition("\n")
        found[name.strip("` ")] = [_line(line) for line in text.splitlines() if line.startswith("| `")]
    return found


def _line(text: str) -> Line:
    state, step, to, who = (cell.strip() for cell in text.strip().strip("|").split("|"))
    hands = tuple(hand.strip("` ") for hand in who.split(","))
    return Line(_code(state), _code(step), _code(to), () if hands == ("the service",) else hands)


def _code(cell: str) -> str:
    return cell.split("`")[1]


TABLES: Final = tables(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}


def led_to(machine: str, state: str, step: str, hand: str | None = None) -> str | None:
    """Where the step leads by the printed table, in that hand (`""`: the service's; None: anybody's); None where no line says so."""
    for line in TABLES[machine]:
        if line.state == state and line.step == step and (hand is None or hand in (line.who or ("",))):
            return line.to
    return None


def amiss(machine: str, events: Iterable[tuple[int, str, str, str]]) -> str:
    """What is wrong with a history: events by version, as (version, step, from, to); empty where the printed table leads through all of it."""
    state = ""
    for number, (version, step, before, to) in enumerate(events, 1):
        if version != number or before != state:
            return f"event {number} tells version {version} and begins at {before!r}, not {state!r}"
        if number == 1:
            begins = {line.state for line in TABLES[machine]}
            if to not in begins:
                return f"it begins as {to}, where no line begins"
        elif (led := led_to(machine, state, step)) != to:
            return f"{step} in {state} leads to {led} by the printed table, and led to {to}"
        state = to
    return ""
