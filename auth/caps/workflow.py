"""The life of a proposed cap as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    PROPOSED = "PROPOSED"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"


class Step(StrEnum):
    CONFIRM = "confirm"
    REJECT = "reject"


_SECOND: Final = frozenset({Role.APPROVER, Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.PROPOSED, Step.CONFIRM): Move(State.CONFIRMED, _SECOND),
    (State.PROPOSED, Step.REJECT): Move(State.REJECTED, _SECOND),
}
FINAL: Final = frozenset({State.CONFIRMED, State.REJECTED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.PROPOSED: Text("待第二人确认", "Proposed"),
    State.CONFIRMED: Text("已确认", "Confirmed"),
    State.REJECTED: Text("未采纳", "Rejected"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.CONFIRM: Text("确认上限", "Confirm the cap"),
    Step.REJECT: Text("不采纳", "Reject"),
}
MACHINE: Final = Machine(Text("上限", "cap"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
