"""The life of an implementation plan's version as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import SYSTEM_ALONE, Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    DRAFT = "DRAFT"
    IN_APPROVAL = "IN_APPROVAL"
    APPROVED = "APPROVED"
    SUPERSEDED = "SUPERSEDED"


class Step(StrEnum):
    SAVE = "save"
    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"
    SUPERSEDE = "supersede"


_DRAFTERS: Final = frozenset({Role.REVIEWER_BUSINESS, Role.APPROVER})
_APPROVER: Final = frozenset({Role.APPROVER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.DRAFT, Step.SAVE): Move(State.DRAFT, _DRAFTERS),
    (State.DRAFT, Step.SUBMIT): Move(State.IN_APPROVAL, _DRAFTERS),
    (State.IN_APPROVAL, Step.RETURN): Move(State.DRAFT, _APPROVER),
    (State.IN_APPROVAL, Step.APPROVE): Move(State.APPROVED, _APPROVER),
    (State.APPROVED, Step.SUPERSEDE): Move(State.SUPERSEDED, SYSTEM_ALONE),
}
FINAL: Final = frozenset({State.SUPERSEDED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.DRAFT: Text("草拟", "Draft"),
    State.IN_APPROVAL: Text("审批中", "In approval"),
    State.APPROVED: Text("已批准", "Approved"),
    State.SUPERSEDED: Text("已被新版取代", "Superseded"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.SAVE: Text("保存", "Save"),
    Step.SUBMIT: Text("提交审批", "Submit"),
    Step.RETURN: Text("退回", "Return"),
    Step.APPROVE: Text("批准", "Approve"),
    Step.SUPERSEDE: Text("被取代", "Superseded"),
}
MACHINE: Final = Machine(Text("实施方案", "implementation plan"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
