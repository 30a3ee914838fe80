"""A second implementation of the application's machine, from the words of its table in docs/workflow.md alone.

Slow and plain: for every step it goes down the printed table from its first line. It imports nothing of the product, keeps no index and shares no code with
`auth.applications.workflow`; that page and the code are held together by `test_machine.py`, and both by this.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[3] / "docs" / "workflow.md"
WHO: Final = {
    "申请人": "applicant",
    "帮代办专员": "clerk",
    "机构负责人": "org_officer",
    "业务审核": "reviewer_business",
    "安全审核": "reviewer_security",
    "审批人": "approver",
    "共同申请人": "co_applicant",
    "系统": "system",
}


class Line(NamedTuple):
    """One line of the printed table."""

    state: str
    step: str
    to: str
    who: tuple[str, ...]


class Standing(NamedTuple):
    """Where an application stands after some events."""

    state: str
    version: int
    turn: int


def lines(page: str) -> list[Line]:
    """The table of the chapter about applications. Raises KeyError for a person whom this file does not know."""
    chapter = page.partition("\n## Application 申请\n")[2].partition("\n## ")[0]
    found = []
    for text in chapter.splitlines():
        cells = [cell.strip() for cell in text.strip().strip("|").split("|")]
        if text.startswith("| ") and len(cells) == 4 and "`" in cells[1]:
            state, step, to = cells[0].split()[0], cells[1].split("`")[1], cells[2].split()[0]
            found.append(Line(state, step, to, tuple(WHO[name] for name in cells[3].split("、"))))
    return found


TABLE: Final = lines(PAGE.read_text(encoding="utf-8"))


def led_to(state: str, step: str, hand: str | None = None) -> str | None:
    """Where the step leads in the hands of that person (of anybody, without one); None where no line says so."""
    for line in TABLE:
        if line.state == state and line.step == step and (hand is None or hand in line.who):
            return line.to
    return None


def replayed(events: Iterable[tuple[str, str]]) -> Standing:
    """After these steps by these hands since its creation: what no line permits has not happened; each that has makes a version, and handing in begins a turn."""
    state, version, turn = "DRAFT", 1, 0
    for step, hand in events:
        to = led_to(state, step, hand)
        if to is not None:
            state, version, turn = to, version + 1, turn + (step == "submit")
    return Standing(state, version, turn)
