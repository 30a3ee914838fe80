"""The life of a stated need as a table: 受理, 分拨, 处理, 反馈. Overdue is no state: it is computed from the day that counts now."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    ASSIGNED = "ASSIGNED"
    HANDLED = "HANDLED"
    ANSWERED = "ANSWERED"
    DISMISSED = "DISMISSED"


class Step(StrEnum):
    ACCEPT = "accept"
    ASSIGN = "assign"
    HANDLE = "handle"
    RETURN = "return"
    ANSWER = "answer"
    DISMISS = "dismiss"


class Outcome(StrEnum):
    """What the answer comes to."""

    AVAILABLE = "available"
    APPLY = "apply"
    PLANNED = "planned"
    NOT_HELD = "not_held"
    NOT_OPEN = "not_open"


DESK: Final = frozenset({Role.CATALOG_ADMIN, Role.REVIEWER_BUSINESS})
DEPARTMENT: Final = frozenset({Role.STEWARD})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.RECEIVED, Step.ACCEPT): Move(State.ACCEPTED, DESK),
    (State.RECEIVED, Step.DISMISS): Move(State.DISMISSED, DESK),
    (State.ACCEPTED, Step.ASSIGN): Move(State.ASSIGNED, DESK),
    (State.ASSIGNED, Step.ASSIGN): Move(State.ASSIGNED, DESK),
    (State.ASSIGNED, Step.HANDLE): Move(State.HANDLED, DEPARTMENT),
    (State.ASSIGNED, Step.RETURN): Move(State.ACCEPTED, DEPARTMENT),
    (State.HANDLED, Step.ASSIGN): Move(State.ASSIGNED, DESK),
    (State.ACCEPTED, Step.ANSWER): Move(State.ANSWERED, DESK),
    (State.HANDLED, Step.ANSWER): Move(State.ANSWERED, DESK),
}
FINAL: Final = frozenset({State.ANSWERED, State.DISMISSED})
PUBLIC: Final = frozenset(State) - {State.RECEIVED, State.DISMISSED}
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.RECEIVED: Text("待受理", "Received"),
    State.ACCEPTED: Text("已受理", "Accepted"),
    State.ASSIGNED: Text("部门处理中", "With a department"),
    State.HANDLED: Text("部门已回复", "Department has replied"),
    State.ANSWERED: Text("已答复", "Answered"),
    State.DISMISSED: Text("不予受理", "Dismissed"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.ACCEPT: Text("受理并公示", "Accept and show"),
    Step.ASSIGN: Text("分拨给部门", "Pass on to a department"),
    Step.HANDLE: Text("部门回复", "Reply of the department"),
    Step.RETURN: Text("退回分拨", "Send back"),
    Step.ANSWER: Text("答复", "Answer"),
    Step.DISMISS: Text("不予受理", "Dismiss"),
}
OUTCOME_NAMES: Final[Mapping[Outcome, Text]] = {
    Outcome.AVAILABLE: Text("已开放，可直接下载", "Open: download it"),
    Outcome.APPLY: Text("有条件开放，可申请", "On conditions: apply for it"),
    Outcome.PLANNED: Text("列入开放计划", "Planned"),
    Outcome.NOT_HELD: Text("未掌握该数据", "Not held"),
    Outcome.NOT_OPEN: Text("依法不予开放", "Not to be opened"),
}
NEEDS_DATASET: Final = frozenset({Outcome.AVAILABLE, Outcome.APPLY})
MACHINE: Final = Machine(Text("数据需求", "data demand"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
