"""The life of a vouching as a table. That it is over after its last day is no state: it is computed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    VOUCHED = "VOUCHED"
    ENDED = "ENDED"


class Step(StrEnum):
    END = "end"


ENDERS: Final = frozenset({Role.ORG_OFFICER, Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {(State.VOUCHED, Step.END): Move(State.ENDED, ENDERS)}
FINAL: Final = frozenset({State.ENDED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.VOUCHED: Text("已担保", "Vouched for"),
    State.ENDED: Text("已终止", "Ended"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {Step.END: Text("终止担保", "End the vouching")}
MACHINE: Final = Machine(Text("人员担保", "vouching"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
