"""Every state × step of tickets and waivers; what the tables do not name is refused."""

from __future__ import annotations

from itertools import product

import pytest

from auth.roles import PERMISSIONS
from core.errors import TransitionRefused
from core.text import LANGS
from datasets.tickets import workflow
from datasets.tickets.workflow import LIVE, WAITING, TicketState, TicketStep
from datasets.waivers import workflow as waiver_workflow
from datasets.waivers.workflow import WaiverState, WaiverStep
from tests.datasets.tickets.diagram import DOC, document


@pytest.mark.parametrize(("state", "step"), list(product(TicketState, TicketStep)))
def test_every_step_of_a_ticket_leads_where_the_table_says(state: TicketState, step: TicketStep) -> None:
    if (move := workflow.MOVES.get((state, step))) is None:
        with pytest.raises(TransitionRefused):
            workflow.advance(state, step)
        assert step not in workflow.open_steps(state)
    else:
        assert workflow.advance(state, step) is move.to
        assert move.needs is None or move.needs in PERMISSIONS
        assert (step in workflow.open_steps(state)) == (move.needs is not None)


@pytest.mark.parametrize(("state", "step"), list(product(WaiverState, WaiverStep)))
def test_every_step_of_a_waiver_leads_where_the_table_says(state: WaiverState, step: WaiverStep) -> None:
    if (move := waiver_workflow.MOVES.get((state, step))) is None:
        with pytest.raises(TransitionRefused):
            waiver_workflow.advance(state, step)
    else:
        assert waiver_workflow.advance(state, step) is move.to
        assert move.needs in PERMISSIONS


def test_only_a_confirmation_closes_and_only_what_was_answered_is_confirmed() -> None:
    closing = {
        (state, step) for (state, step), move in workflow.MOVES.items() if move.to is TicketState.CLOSED
    }
    assert closing == {(TicketState.ANSWERED, TicketStep.CONFIRM)}


def test_every_state_can_be_reached_and_left() -> None:
    assert {state for state, _ in workflow.MOVES} == set(TicketState)
    assert {move.to for move in workflow.MOVES.values()} | {TicketState.OPEN} == set(TicketState)
    assert set(LIVE) == set(TicketState) - {TicketState.CLOSED}
    assert set(WAITING) == set(LIVE) - {TicketState.ANSWERED}


def test_no_waiver_comes_back_once_it_has_ended() -> None:
    ends = {WaiverState.REFUSED, WaiverState.REVOKED}
    assert ends.isdisjoint({state for state, _ in waiver_workflow.MOVES})
    assert all(move.to is not WaiverState.PROPOSED for move in waiver_workflow.MOVES.values())


def test_states_and_steps_have_names_in_both_languages() -> None:
    assert set(workflow.STATE_NAMES) == set(TicketState)
    assert set(workflow.STEP_NAMES) == set(TicketStep)
    assert set(waiver_workflow.STEP_NAMES) == set(WaiverStep)
    for names in (workflow.STATE_NAMES, workflow.STEP_NAMES, waiver_workflow.STANDING_NAMES):
        assert all(text.in_(lang) for text in names.values() for lang in LANGS)


def test_the_diagram_in_the_docs_is_that_of_the_table() -> None:
    text = DOC.read_text(encoding="utf-8")
    assert text == document(text), "regenerate: python -m tests.datasets.tickets.diagram"
