"""Who may take which step, and what differs: every state, step and person."""

from __future__ import annotations

from itertools import product

import pytest

from catalog.proposals.rules import columns_difference, drifted, objections
from catalog.proposals.workflow import MOVES, WAITING, ProposalState, ProposalStep, advance
from core.errors import TransitionRefused


@pytest.mark.parametrize(("state", "step"), list(product(ProposalState, ProposalStep)))
def test_only_a_waiting_proposal_moves(state: ProposalState, step: ProposalStep) -> None:
    if (state, step) in MOVES:
        assert state in WAITING
        assert advance(state, step) == MOVES[state, step][0]
    else:
        with pytest.raises(TransitionRefused):
            advance(state, step)


@pytest.mark.parametrize(("step", "person"), list(product(ProposalStep, ("proposer", "writer", "other"))))
def test_review_is_another_persons_and_amending_its_authors(step: ProposalStep, person: str) -> None:
    found = objections(ProposalState.OPEN, step, person, "proposer", ["writer"])
    reviews = step in (ProposalStep.ACCEPT, ProposalStep.TIME, ProposalStep.RETURN)
    may = person == "other" if reviews else person == "proposer"
    assert [each.code for each in found] == (
        [] if may else ["own-proposal" if reviews else "not-your-proposal"]
    )


def test_a_field_drifts_when_it_holds_neither_of_both_values() -> None:
    fields = {"a": [1, 2], "b": [1, 2], "c": [1, 2]}
    assert drifted(fields, {"a": 1, "b": 2, "c": 3}) == ["c"]


def test_difference_of_columns_names_each_fate_once() -> None:
    before = [{"name": "a"}, {"name": "b", "level": 1}, {"name": "c"}, {"name": "d"}]
    after = [{"name": "b", "level": 2}, {"name": "a"}, {"name": "e"}, {"name": "d"}]
    assert columns_difference(before, after) == [
        ("b", "changed", {"level": [1, 2]}),
        ("a", "moved", {}),
        ("e", "added", {}),
        ("c", "removed", {}),
    ]
    assert columns_difference(before, before) == []
