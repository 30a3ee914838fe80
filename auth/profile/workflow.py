"""The life of a version of the policy profile as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import SYSTEM_ALONE, Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    PROPOSED = "PROPOSED"
    ACTIVE = "ACTIVE"
    REJECTED = "REJECTED"
    SUPERSEDED = "SUPERSEDED"


class Step(StrEnum):
    CONFIRM = "confirm"
    REJECT = "reject"
    SUPERSEDE = "supersede"


_SECOND: Final = frozenset({Role.APPROVER, Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.PROPOSED, Step.CONFIRM): Move(State.ACTIVE, _SECOND),
    (State.PROPOSED, Step.REJECT): Move(State.REJECTED, _SECOND),
    (State.ACTIVE, Step.SUPERSEDE): Move(State.SUPERSEDED, SYSTEM_ALONE),
}
FINAL: Final = frozenset({State.REJECTED, State.SUPERSEDED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.PROPOSED: Text("待第二人确认", "Proposed"),
    State.ACTIVE: Text("已确认", "Confirmed"),
    State.REJECTED: Text("未采纳", "Rejected"),
    State.SUPERSEDED: Text("已被取代", "Superseded"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.CONFIRM: Text("确认生效", "Put in force"),
    Step.REJECT: Text("不采纳", "Reject"),
    Step.SUPERSEDE: Text("被取代", "Superseded"),
}
MACHINE: Final = Machine(Text("政策版本", "policy version"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
