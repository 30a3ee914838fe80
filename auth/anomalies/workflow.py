"""The life of a finding as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    FALSE_ALARM = "FALSE_ALARM"


class Step(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    DISMISS = "dismiss"


_SECURITY: Final = frozenset({Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.OPEN, Step.ACKNOWLEDGE): Move(State.ACKNOWLEDGED, _SECURITY),
    (State.OPEN, Step.DISMISS): Move(State.FALSE_ALARM, _SECURITY),
}
FINAL: Final = frozenset({State.ACKNOWLEDGED, State.FALSE_ALARM})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.OPEN: Text("待处理", "Open"),
    State.ACKNOWLEDGED: Text("已确认", "Acknowledged"),
    State.FALSE_ALARM: Text("误报", "False alarm"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.ACKNOWLEDGE: Text("确认异常", "Acknowledge"),
    Step.DISMISS: Text("判为误报", "False alarm"),
}
MACHINE: Final = Machine(Text("异常", "finding"), MOVES, STATE_NAMES, STEP_NAMES)
