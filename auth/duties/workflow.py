"""The life of a duty as a table. Overdue is no state: it is computed from the day it is due."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import SYSTEM_ALONE, Machine, Move
from auth.roles import Role
from core.text import Text


class Kind(StrEnum):
    USE_REPORT = "use_report"
    DELETION_CERTIFICATE = "deletion_certificate"


class State(StrEnum):
    OPEN = "OPEN"
    FULFILLED = "FULFILLED"
    WAIVED = "WAIVED"
    CONTINUED = "CONTINUED"


class Step(StrEnum):
    FULFIL = "fulfil"
    RETURN = "return"
    WAIVE = "waive"
    CONTINUE = "continue"


class Standing(StrEnum):
    """What a reader is told: the state, and whether an open duty's day is over."""

    OPEN = "open"
    OVERDUE = "overdue"
    FULFILLED = "fulfilled"
    WAIVED = "waived"
    CONTINUED = "continued"


_OFFICER: Final = frozenset({Role.ORG_OFFICER})
_CHECKERS: Final = frozenset({Role.APPROVER, Role.REVIEWER_BUSINESS})
_APPROVER: Final = frozenset({Role.APPROVER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.OPEN, Step.FULFIL): Move(State.FULFILLED, _OFFICER),
    (State.OPEN, Step.WAIVE): Move(State.WAIVED, _APPROVER),
    (State.OPEN, Step.CONTINUE): Move(State.CONTINUED, SYSTEM_ALONE),  # a renewal goes on with the data
    (State.FULFILLED, Step.RETURN): Move(State.OPEN, _CHECKERS),
}
FINAL: Final = frozenset({State.WAIVED, State.CONTINUED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.OPEN: Text("待履行", "Open"),
    State.FULFILLED: Text("已履行", "Fulfilled"),
    State.WAIVED: Text("已免除", "Waived"),
    State.CONTINUED: Text("转至续期授权", "Passed to the renewal"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.FULFIL: Text("提交", "Hand in"),
    Step.RETURN: Text("退回补正", "Return"),
    Step.WAIVE: Text("免除", "Waive"),
    Step.CONTINUE: Text("转至续期授权", "Pass to the renewal"),
}
STANDING_NAMES: Final[Mapping[Standing, Text]] = {
    Standing.OPEN: STATE_NAMES[State.OPEN],
    Standing.OVERDUE: Text("已逾期", "Overdue"),
    Standing.FULFILLED: STATE_NAMES[State.FULFILLED],
    Standing.WAIVED: STATE_NAMES[State.WAIVED],
    Standing.CONTINUED: STATE_NAMES[State.CONTINUED],
}
KIND_NAMES: Final[Mapping[Kind, Text]] = {
    Kind.USE_REPORT: Text("使用报告", "Use report"),
    Kind.DELETION_CERTIFICATE: Text("销毁证明", "Deletion certificate"),
}
MACHINE: Final = Machine(Text("义务", "duty"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
