"""The life of a revocation as a table. The grant ended with the first step; what follows is the second person's answer."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import SYSTEM_ALONE, Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    WAITS = "WAITS"
    OVERDUE = "OVERDUE"
    CONFIRMED = "CONFIRMED"
    OBJECTED = "OBJECTED"
    LIFTED = "LIFTED"


class Step(StrEnum):
    ADD_EVIDENCE = "add-evidence"
    CONFIRM = "confirm"
    OBJECT = "object"
    LAPSE = "lapse"
    LIFT = "lift"


REVOKERS: Final = frozenset({Role.APPROVER, Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.WAITS, Step.ADD_EVIDENCE): Move(State.WAITS, REVOKERS),
    (State.WAITS, Step.CONFIRM): Move(State.CONFIRMED, REVOKERS),
    (State.WAITS, Step.OBJECT): Move(State.OBJECTED, REVOKERS),
    (State.WAITS, Step.LAPSE): Move(State.OVERDUE, SYSTEM_ALONE),
    (State.OVERDUE, Step.ADD_EVIDENCE): Move(State.OVERDUE, REVOKERS),
    (State.OVERDUE, Step.CONFIRM): Move(State.CONFIRMED, REVOKERS),
    (State.OVERDUE, Step.OBJECT): Move(State.OBJECTED, REVOKERS),
    (State.CONFIRMED, Step.LIFT): Move(State.LIFTED, frozenset({Role.SECURITY_OFFICER})),
}
FINAL: Final = frozenset({State.OBJECTED, State.LIFTED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.WAITS: Text("待第二人确认", "Waits for the second person"),
    State.OVERDUE: Text("逾期未确认", "Not confirmed in time"),
    State.CONFIRMED: Text("已确认", "Confirmed"),
    State.OBJECTED: Text("第二人不予确认", "Not confirmed"),
    State.LIFTED: Text("申请限制已解除", "Bar lifted"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.ADD_EVIDENCE: Text("补充证据", "Add evidence"),
    Step.CONFIRM: Text("确认撤销", "Confirm the revocation"),
    Step.OBJECT: Text("不予确认", "Do not confirm"),
    Step.LAPSE: Text("逾期", "Time is over"),
    Step.LIFT: Text("解除申请限制", "Lift the bar"),
}
MACHINE: Final = Machine(Text("撤销", "revocation"), MOVES, STATE_NAMES, STEP_NAMES)
