"""The life of one paper of an application as a table. Whether it is late is no state: it follows from its day."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import SYSTEM_ALONE, Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    MISSING = "MISSING"
    OWED = "OWED"
    SUPPLIED = "SUPPLIED"
    PROMISED = "PROMISED"


class Step(StrEnum):
    SUPPLY = "supply"
    PROMISE = "promise"
    DEFER = "defer"
    RETURN = "return"
    REOPEN = "reopen"


_HANDS: Final = frozenset({Role.APPLICANT, Role.CLERK})
_OFFICER: Final = frozenset({Role.ORG_OFFICER})
_SCREENER: Final = frozenset({Role.REVIEWER_BUSINESS})
_REVIEWERS: Final = frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.MISSING, Step.SUPPLY): Move(State.SUPPLIED, _HANDS),
    (State.MISSING, Step.PROMISE): Move(State.PROMISED, _OFFICER),
    (State.MISSING, Step.DEFER): Move(State.OWED, _SCREENER),
    (State.OWED, Step.SUPPLY): Move(State.SUPPLIED, _HANDS),
    (State.OWED, Step.PROMISE): Move(State.PROMISED, _OFFICER),
    (State.OWED, Step.DEFER): Move(State.OWED, _SCREENER),  # screened anew after it was late
    (State.SUPPLIED, Step.SUPPLY): Move(State.SUPPLIED, _HANDS),
    (State.SUPPLIED, Step.RETURN): Move(State.OWED, _REVIEWERS),
    (State.PROMISED, Step.SUPPLY): Move(State.SUPPLIED, _HANDS),
    (State.PROMISED, Step.REOPEN): Move(State.OWED, SYSTEM_ALONE),  # the commitment is broken
}
FINAL: Final[frozenset[State]] = frozenset()
HELD: Final = frozenset({State.SUPPLIED, State.PROMISED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.MISSING: Text("未提交", "Not handed in"),
    State.OWED: Text("待补交", "To follow"),
    State.SUPPLIED: Text("已提交", "Handed in"),
    State.PROMISED: Text("已承诺", "Promised"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.SUPPLY: Text("提交材料", "Hand in"),
    Step.PROMISE: Text("签署承诺", "Sign the commitment"),
    Step.DEFER: Text("容缺受理", "Let it follow"),
    Step.RETURN: Text("退回材料", "Send the paper back"),
    Step.REOPEN: Text("重新要求", "Ask for it again"),
}
MACHINE: Final = Machine(Text("申请材料", "paper"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
