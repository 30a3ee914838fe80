"""The life of a proposal to suspend a grant as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    OPEN = "OPEN"
    SUSPENDED = "SUSPENDED"
    DISMISSED = "DISMISSED"


class Step(StrEnum):
    SUSPEND = "suspend"
    DISMISS = "dismiss"


_SECURITY: Final = frozenset({Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.OPEN, Step.SUSPEND): Move(State.SUSPENDED, _SECURITY),
    (State.OPEN, Step.DISMISS): Move(State.DISMISSED, _SECURITY),
}
FINAL: Final = frozenset({State.SUSPENDED, State.DISMISSED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.OPEN: Text("待决定", "Open"),
    State.SUSPENDED: Text("已暂停授权", "Grant suspended"),
    State.DISMISSED: Text("不予暂停", "Not suspended"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.SUSPEND: Text("暂停授权", "Suspend the grant"),
    Step.DISMISS: Text("不予暂停", "Do not suspend"),
}
MACHINE: Final = Machine(Text("暂停建议", "proposal to suspend"), MOVES, STATE_NAMES, STEP_NAMES)
