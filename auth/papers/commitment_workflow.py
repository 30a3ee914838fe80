"""The life of a commitment as a table: it stands, until the paper itself comes or it turns out broken."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import SYSTEM_ALONE, Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    STANDING = "STANDING"
    KEPT = "KEPT"
    BROKEN = "BROKEN"


class Step(StrEnum):
    KEEP = "keep"
    BREAK = "break"


MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.STANDING, Step.KEEP): Move(State.KEPT, SYSTEM_ALONE),
    (State.STANDING, Step.BREAK): Move(State.BROKEN, frozenset({Role.STEWARD})),
}
FINAL: Final = frozenset({State.KEPT, State.BROKEN})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.STANDING: Text("有效", "Standing"),
    State.KEPT: Text("已补交材料", "Kept: the paper came"),
    State.BROKEN: Text("违背承诺", "Broken"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.KEEP: Text("补交材料", "The paper came"),
    Step.BREAK: Text("认定违背承诺", "Establish that it is broken"),
}
MACHINE: Final = Machine(Text("承诺", "commitment"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
