"""The life of an agreement as a table. Whether it covers a day is computed from its period."""

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
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"
    TERMINATED = "TERMINATED"


class Step(StrEnum):
    SAVE = "save"
    SUBMIT = "submit"
    RETURN = "return"
    ACTIVATE = "activate"
    TERMINATE = "terminate"
    END = "end"


_DRAFTERS: Final = frozenset({Role.REVIEWER_BUSINESS, Role.APPROVER})
_APPROVER: Final = frozenset({Role.APPROVER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.DRAFT, Step.SAVE): Move(State.DRAFT, _DRAFTERS),
    (State.DRAFT, Step.SUBMIT): Move(State.IN_APPROVAL, _DRAFTERS),
    (State.IN_APPROVAL, Step.RETURN): Move(State.DRAFT, _APPROVER),
    (State.IN_APPROVAL, Step.ACTIVATE): Move(State.ACTIVE, _APPROVER),
    (State.ACTIVE, Step.TERMINATE): Move(State.TERMINATED, _APPROVER),
    (State.ACTIVE, Step.END): Move(State.ENDED, SYSTEM_ALONE),
}
FINAL: Final = frozenset({State.ENDED, State.TERMINATED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.DRAFT: Text("草拟", "Draft"),
    State.IN_APPROVAL: Text("审批中", "In approval"),
    State.ACTIVE: Text("生效", "Active"),
    State.ENDED: Text("期满", "Ended"),
    State.TERMINATED: Text("终止", "Terminated"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.SAVE: Text("保存", "Save"),
    Step.SUBMIT: Text("提交审批", "Submit"),
    Step.RETURN: Text("退回", "Return"),
    Step.ACTIVATE: Text("批准生效", "Activate"),
    Step.TERMINATE: Text("终止协议", "Terminate"),
    Step.END: Text("期满", "End"),
}
MACHINE: Final = Machine(Text("授权运营协议", "agreement"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
