"""A machine as data: from state and step to the next state and who may take it. Reads no clock and no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, NamedTuple, TypeVar

from auth.roles import Role
from core.errors import TransitionRefused
from core.text import Text

State = TypeVar("State", bound=StrEnum)
Step = TypeVar("Step", bound=StrEnum)
SYSTEM_ALONE: Final[frozenset[Role]] = frozenset()


class Move(NamedTuple):
    """Where a step leads and who may take it; `by` without roles is the system alone."""

    to: Any
    by: frozenset[Role]


@dataclass(frozen=True)
class Machine(Generic[State, Step]):
    """One kind of record's life. `name`: what the record is called in a sentence."""

    name: Text
    moves: Mapping[tuple[State, Step], Move]
    state_names: Mapping[State, Text]
    step_names: Mapping[Step, Text]

    def advance(self, state: State, step: Step, roles: frozenset[Role], *, by_system: bool = False) -> State:
        """Next state; raises TransitionRefused. A step of the system is open to nobody else, and the other way round."""
        move = self.moves.get((state, step))
        if move is None or not (move.by == SYSTEM_ALONE if by_system else not move.by.isdisjoint(roles)):
            at, name = self.state_names[state], self.step_names[step]
            raise TransitionRefused(
                Text(
                    f"{self.name.zh}处于“{at.zh}”状态，您不能执行“{name.zh}”；请刷新后查看当前可用的步骤。",
                    f"The {self.name.en} is in state “{at.en.lower()}”; the step “{name.en.lower()}” is not open to you. Reload to see which are.",
                ),
                state=state.value,
                step=step.value,
            )
        to: State = move.to
        return to

    def open_steps(self, state: State, roles: frozenset[Role]) -> list[Step]:
        """The steps that these roles open in this state, in the table's order."""
        return [step for (at, step), move in self.moves.items() if at == state and move.by & roles]
