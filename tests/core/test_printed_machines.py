"""What docs/machines.md prints is what the code does: each state, step and hand of every machine, by a reader who knows the page alone."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from core.errors import TransitionRefused
from tests.core import machine_page, printed
from tests.core.test_every_machine import MACHINES, Found, _who


def test_the_page_is_the_one_that_the_tables_make_and_has_every_machine() -> None:
    assert printed.PAGE.read_text(encoding="utf-8") == machine_page.document()
    assert set(printed.TABLES) == {machine.name for machine in MACHINES}
    assert len(printed.TABLES) >= 30


def test_its_reader_knows_nothing_of_the_code() -> None:
    source = Path(printed.__file__).read_text(encoding="utf-8")
    assert not re.findall(
        r"^(?:from|import) (?:auth|core|catalog|datasets|quality|api|tests)\b", source, re.M
    )


def _hand(who: dict[str, Any]) -> list[str | None]:
    """Whoever asks, as the page's words: any of these hands takes the step. None: it does not matter who."""
    if not who:
        return [None]
    if "roles" in who:
        return [""] if who.get("by_system") else [role.value for role in who["roles"]]
    return [side.removeprefix("is_") for side, is_so in who.items() if is_so]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda each: each.name)
def test_code_does_what_the_page_says_and_nothing_else(machine: Found) -> None:
    for (state, step), who in product(machine.pairs, _who(machine)):
        said = {printed.led_to(machine.name, state.value, step.value, hand) for hand in _hand(who)} - {None}
        if machine.name == "catalog.reuses.workflow" and step.value == "show" and who["is_author"]:
            said = set()  # what one suggested oneself, another person judges
        went = set()
        with suppress(TransitionRefused):
            went = {machine.advance(state, step, **who).value}
        assert went == said, (state, step, who)


def test_a_history_that_no_line_leads_through_is_found() -> None:
    name = "auth.duties.workflow:duty"
    first = printed.TABLES[name][0]
    right = [(1, "open", "", first.state), (2, first.step, first.state, first.to)]
    assert printed.amiss(name, right) == ""
    for wrong in (
        [(1, "open", "", "NOWHERE")],
        [right[0], (2, "no-such-step", first.state, first.to)],
        [right[0], (2, first.step, first.state, "NOWHERE")],
        [right[0], (3, first.step, first.state, first.to)],
        [right[0], (2, first.step, "NOWHERE", first.to)],
    ):
        assert printed.amiss(name, wrong), wrong
