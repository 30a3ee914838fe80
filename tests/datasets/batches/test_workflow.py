"""Every state × step of batch and release; what the tables do not name is refused."""

from __future__ import annotations

import itertools

import pytest

from auth.roles import PERMISSIONS
from core.errors import TransitionRefused
from datasets.batches import rules, workflow
from datasets.batches.workflow import BatchState, BatchStep
from datasets.releases import workflow as release_workflow
from datasets.releases.workflow import ReleaseState, ReleaseStep

TERMINAL = {BatchState.RELEASED, BatchState.REJECTED, BatchState.SUPERSEDED}


@pytest.mark.parametrize(("state", "step"), list(itertools.product(BatchState, BatchStep)))
def test_every_step_of_a_batch_leads_where_the_table_says(state: BatchState, step: BatchStep) -> None:
    if (move := workflow.MOVES.get((state, step))) is None:
        with pytest.raises(TransitionRefused):
            workflow.advance(state, step)
    else:
        assert workflow.advance(state, step) is move.to
        assert move.needs is None or move.needs in PERMISSIONS


@pytest.mark.parametrize(("state", "step"), list(itertools.product(ReleaseState, ReleaseStep)))
def test_every_step_of_a_release_leads_where_the_table_says(state: ReleaseState, step: ReleaseStep) -> None:
    if (move := release_workflow.MOVES.get((state, step))) is None:
        with pytest.raises(TransitionRefused):
            release_workflow.advance(state, step)
    else:
        assert release_workflow.advance(state, step) is move.to


def test_ends_are_ends_and_every_state_can_be_reached() -> None:
    assert {state for state, _ in workflow.MOVES}.isdisjoint(TERMINAL)
    assert {move.to for move in workflow.MOVES.values()} == set(BatchState)
    assert all(state not in TERMINAL or not workflow.open_steps(state) for state in BatchState)


def test_nothing_is_published_but_what_passed_or_was_answered_for() -> None:
    sources = {state for (state, step), _ in workflow.MOVES.items() if step is BatchStep.PUBLISH}
    assert sources == {BatchState.PASSED, BatchState.CONFIRMED, BatchState.PASSED_WITH_WAIVERS}


def test_a_withdrawn_release_stays_withdrawn() -> None:
    assert ReleaseState.WITHDRAWN not in {state for state, _ in release_workflow.MOVES}


@pytest.mark.parametrize(
    ("verdict", "warnings", "untyped", "step"),
    [
        ("passed", 0, 0, BatchStep.PASS),
        ("passed", 1, 0, BatchStep.ASK),
        ("passed", 0, 1, BatchStep.FAIL),
        ("passed", 3, 1, BatchStep.FAIL),
        ("failed", 0, 0, BatchStep.FAIL),
        ("failed", 2, 0, BatchStep.FAIL),
        ("error", 0, 0, BatchStep.BREAK),
        ("error", 1, 1, BatchStep.BREAK),
    ],
)
def test_the_gate_blocks_errors_failures_and_lost_cells(
    verdict: str, warnings: int, untyped: int, step: BatchStep
) -> None:
    assert rules.gate_step(verdict, warnings, untyped) is step  # type: ignore[arg-type]


def test_two_accounts_of_one_person_are_one_person() -> None:
    assert not rules.second_person_objections(["wang"], "li")
    assert rules.second_person_objections(["li", "wang"], "wang")
