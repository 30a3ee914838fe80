"""The machines as tables: every state × step × role, and the diagrams in the docs."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from auth.agreements import plan_workflow as plan
from auth.agreements import workflow as agreement
from auth.applications import workflow as application
from auth.delegations import workflow as delegation
from auth.duties import workflow as duty
from auth.erasure import workflow as erasure
from auth.grants import workflow as grant
from auth.identity import licence
from auth.incidents import workflow as incident
from auth.papers import commitment_workflow as commitment
from auth.papers import workflow as paper
from auth.profile import workflow as profile
from auth.roles import Role
from core.errors import TransitionRefused
from core.text import LANGS
from tests.auth.applications.diagrams import DOC, document

MACHINES = (
    application,
    grant,
    incident,
    duty,
    licence,
    agreement,
    plan,
    profile,
    paper,
    commitment,
    delegation,
    erasure,
)


def name_of(machine: Any) -> str:
    return str(machine.__name__)


ROLES: tuple[application.Part | None, ...] = (
    *Role,
    *application.Seat,
    None,
)  # None: somebody without any role


@pytest.mark.parametrize("machine", MACHINES, ids=name_of)
def test_every_state_step_and_role_is_as_the_table_says(machine: Any) -> None:
    refused = 0
    for state, step, role in product(machine.State, machine.Step, ROLES):
        held = frozenset({role}) if role else frozenset()
        move = machine.MOVES.get((state, step))
        if move is not None and role in move.by:
            assert machine.advance(state, step, held) is move.to
            continue
        refused += 1
        with pytest.raises(TransitionRefused) as said:
            machine.advance(state, step, held)
        assert said.value.facts == {"state": state.value, "step": step.value}
    everything = len(machine.State) * len(machine.Step) * len(ROLES)
    assert refused == everything - sum(len(move.by) for move in machine.MOVES.values())


@pytest.mark.parametrize("machine", MACHINES, ids=name_of)
def test_steps_of_the_system_are_open_to_nobody_else_and_the_other_way_round(machine: Any) -> None:
    for state, step in product(machine.State, machine.Step):
        move = machine.MOVES.get((state, step))
        if move is not None and not move.by:
            assert machine.advance(state, step, frozenset(), by_system=True) is move.to
            with pytest.raises(TransitionRefused):
                machine.advance(state, step, frozenset(Role))
        else:
            with pytest.raises(TransitionRefused):
                machine.advance(state, step, frozenset(Role), by_system=True)


@pytest.mark.parametrize("machine", MACHINES, ids=name_of)
def test_nothing_leaves_a_final_state_and_every_other_state_has_a_way_out(machine: Any) -> None:
    leaving = {state for state, _ in machine.MOVES}
    assert leaving.isdisjoint(machine.FINAL)
    assert leaving | machine.FINAL == set(machine.State)


@pytest.mark.parametrize("machine", [each for each in MACHINES if each is not erasure], ids=name_of)
def test_roles_without_a_part_may_do_nothing(machine: Any) -> None:
    """Administrators hold no deciding role; auditors write nothing."""
    acting = {role for move in machine.MOVES.values() for role in move.by}
    assert acting.isdisjoint({Role.SYSADMIN, Role.AUDITOR, Role.CATALOG_ADMIN, Role.ANALYST})


def test_erasing_names_is_for_administrators_of_identities_alone() -> None:
    """No decision on data: neither auditors nor deciders have a part in it."""
    assert {role for move in erasure.MOVES.values() for role in move.by} == {Role.SYSADMIN, Role.APPLICANT}


@pytest.mark.parametrize("machine", MACHINES, ids=name_of)
def test_every_state_and_step_has_its_name_in_both_languages(machine: Any) -> None:
    assert set(machine.STATE_NAMES) == set(machine.State)
    assert set(machine.STEP_NAMES) == set(machine.Step)
    for text in (*machine.STATE_NAMES.values(), *machine.STEP_NAMES.values()):
        assert all(text.in_(lang) for lang in LANGS)


def test_diagrams_in_the_docs_are_those_of_the_tables() -> None:
    path = Path(__file__).parents[3] / DOC
    assert path.read_text(encoding="utf-8") == document(), (
        "regenerate: python -m tests.auth.applications.diagrams"
    )
