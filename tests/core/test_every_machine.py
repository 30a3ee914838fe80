"""Every machine in the code, found by itself: each state x step x whoever might take it goes where the table says, or is refused.

A machine is what a module `…workflow.py` (or that of licences) holds: `MOVES`, and beside it others as `Machine`. What decides who takes a step differs:
roles in `auth`, permissions of a route in `datasets`, the side of a record in `catalog`. `machines.json` beside this file is the whole matrix as it was last
agreed: a change of a table shows there (`python -m tests.core.test_every_machine` writes it).
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from auth.casework.machine import SYSTEM_ALONE, Machine
from auth.roles import PERMISSIONS, Role
from core.errors import TransitionRefused

ROOT = Path(__file__).parents[2]
AGREED = Path(__file__).with_name("machines.json")
ROOMS = ("auth", "catalog", "datasets", "quality", "api", "core")
NOT_ONES_OWN = {("catalog.reuses.workflow", "show")}  # what one suggested oneself, another person judges
Moves = Mapping[tuple[StrEnum, StrEnum], Any]


@dataclass(frozen=True)
class Found:
    """One machine: its table, and what takes a step."""

    name: str
    moves: Moves
    advance: Callable[..., Any]
    final: frozenset[Any]

    @property
    def kinds(self) -> tuple[type[StrEnum], type[StrEnum]]:
        state, step = next(iter(self.moves))
        return type(state), type(step)

    @property
    def pairs(self) -> Iterator[tuple[StrEnum, StrEnum]]:
        states, steps = self.kinds
        return product(states, steps)


def _modules() -> list[str]:
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*workflow.py"))]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files] + [
        "auth.identity.licence"
    ]


def _found() -> Iterator[Found]:
    for name in _modules():
        module = importlib.import_module(name)
        final = frozenset(getattr(module, "FINAL", ()))
        machines = {id(each): each for each in vars(module).values() if isinstance(each, Machine)}
        for machine in machines.values():
            own = final if machine is getattr(module, "MACHINE", None) else frozenset()
            yield Found(f"{name}:{machine.name.en}", machine.moves, machine.advance, own)
        if not machines:
            yield Found(name, module.MOVES, module.advance, final)


MACHINES = list(_found())
named = pytest.mark.parametrize("machine", MACHINES, ids=lambda each: each.name)


def test_all_are_met() -> None:
    assert len(MACHINES) >= 30
    assert len({each.name for each in MACHINES}) == len(MACHINES), "each by a name of its own"


OBJECTS = [
    each
    for name in _modules()
    for each in vars(importlib.import_module(name)).values()
    if isinstance(each, Machine)
]


@pytest.mark.parametrize("machine", OBJECTS, ids=lambda each: each.name.en)
def test_the_steps_that_are_offered_are_those_that_would_be_taken(machine: Machine[Any, Any]) -> None:
    """In each state to each role: neither a step of another state, nor one in other hands."""
    for state, role in product({state for state, _ in machine.moves}, Role):
        held = frozenset({role})
        would = []
        for at, step in machine.moves:
            if at == state:
                with suppress(TransitionRefused):
                    machine.advance(state, step, held)
                    would.append(step)
        assert machine.open_steps(state, held) == would, (state, role)


def _who(machine: Found) -> list[dict[str, Any]]:
    """Everybody who might take a step, as arguments of `advance`."""
    wanted = inspect.signature(machine.advance).parameters
    if "roles" in wanted:
        people: list[dict[str, Any]] = [{"roles": frozenset({role})} for role in Role]
        return [
            *people,
            {"roles": frozenset()},
            {"roles": frozenset(Role)},
            {"roles": frozenset(Role), "by_system": True},
        ]
    sides = [name for name in wanted if name.startswith("is_")]
    return [dict(zip(sides, each, strict=True)) for each in product((False, True), repeat=len(sides))]


def _to(move: Any) -> Any:
    return move[0] if isinstance(move, tuple) else move


def _may(machine: Found, step: StrEnum, move: Any, who: dict[str, Any]) -> bool:
    """What the table says of whoever asks."""
    if "roles" in who:
        return move.by == SYSTEM_ALONE if who.get("by_system") else bool(move.by & who["roles"])
    if not who:
        return True
    is_own = (machine.name, step.value) in NOT_ONES_OWN and who["is_author"]
    return bool(who[f"is_{move[1]}"]) and not is_own


@named
def test_everybody_gets_where_the_table_says_or_is_refused(machine: Found) -> None:
    for (state, step), who in product(machine.pairs, _who(machine)):
        move = machine.moves.get((state, step))
        if move is not None and _may(machine, step, move, who):
            assert machine.advance(state, step, **who) is _to(move), (state, step, who)
            continue
        with pytest.raises(TransitionRefused) as said:
            machine.advance(state, step, **who)
        assert said.value.facts["state"] == state.value
        assert said.value.detail.zh != said.value.detail.en


@named
def test_no_move_leaves_an_end_and_every_state_is_met(machine: Found) -> None:
    states, _ = machine.kinds
    assert {state for state, _ in machine.moves}.isdisjoint(machine.final)
    reached = set(map(_to, machine.moves.values()))
    begins = set(states) - reached
    assert len(begins) <= 2, f"nothing leads to {sorted(begins)}"
    for move in machine.moves.values():
        needs = move[1] if isinstance(move, tuple) else None
        assert not isinstance(needs, str) or ":" not in needs or needs in PERMISSIONS


def matrix() -> dict[str, dict[str, list[Any]]]:
    """Of each machine, each step that is open in a state: where it leads, and by whom (no one: the system)."""
    return {
        machine.name: {
            f"{state} {step}": [_to(move).value, _hands(move)]
            for (state, step), move in machine.moves.items()
        }
        for machine in sorted(MACHINES, key=lambda each: each.name)
    }


def _hands(move: Any) -> list[str]:
    if not isinstance(move, tuple):
        return []
    by = move[1]
    return [by] if isinstance(by, str) else sorted(role.value for role in by or ())


def test_the_whole_matrix_is_the_one_that_was_agreed() -> None:
    assert json.loads(AGREED.read_text(encoding="utf-8")) == matrix()


if __name__ == "__main__":
    lines = json.dumps(matrix(), ensure_ascii=False, indent=1)
    AGREED.write_text(f"{lines}\n", encoding="utf-8")
