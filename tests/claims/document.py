"""docs/acceptance.md as it must read. `python -m tests.claims.document` writes it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tests.claims.attacks import AREAS
from tests.claims.claim import Claim
from tests.claims.points import POINTS
from tests.claims.requirements import REQUIREMENTS

PAGE: Final = Path(__file__).parents[2] / "docs" / "acceptance.md"
BEFORE: Final = """# What was promised, and the tests that hold it

Written by `python -m tests.claims.document` from the lists in `tests/claims`. A test compares the lists with the design, looks each test up, and fails
where a line has neither a test nor a reason. Tests stand as `folder/file::name`, without the `test_` of both. What each attack meets is told in
[attacks.md](attacks.md).
"""


def _said(claim: Claim) -> str:
    tests = " · ".join(f"`{each}`" for each in claim.tests)
    reason = f"{'Left' if claim.tests else 'No test'}: {claim.why}" if claim.why else ""
    return ". ".join(filter(None, [tests, reason]))


def _table(head: str, claims: Iterable[Claim], *, numbered: bool = False) -> str:
    lines = [f"| {head} | Held by |", "|---|---|"]
    for number, claim in enumerate(claims, 1):
        name = f"{number}. {claim.line}" if numbered else claim.line
        lines.append(f"| {name.replace('|', '¦')} | {_said(claim)} |")
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    attacks = [claim for area in AREAS.values() for claim in area]
    parts = [BEFORE, "## Twelve points of acceptance\n", _table("Point", POINTS, numbered=True), ""]
    parts += ["## Requirements of law and practice\n", _table("Requirement", REQUIREMENTS), ""]
    bare = sum(not claim.tests for claim in attacks)
    parts += [
        f"## The attack list\n\n{len(attacks)} lines; {len(attacks) - bare} with tests, {bare} with a reason alone.\n"
    ]
    for area, claims in AREAS.items():
        parts += [f"### {area}\n", _table("Attack", claims), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
