"""The life of one act of registration as a table. Whether a registration is valid on a day is no state: it is computed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import SYSTEM_ALONE, Machine, Move
from auth.roles import Role
from core.text import Text


class Act(StrEnum):
    """What is asked of the register. A renewal is a first registration anew under the same code."""

    FIRST = "first"
    CHANGE = "change"
    CORRECTION = "correction"
    RENEWAL = "renewal"
    CANCELLATION = "cancellation"


class State(StrEnum):
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    NOTICE = "NOTICE"
    REGISTERED = "REGISTERED"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"
    SUPERSEDED = "SUPERSEDED"


class Step(StrEnum):
    SAVE = "save"
    SUBMIT = "submit"
    DROP = "drop"
    RETURN = "return"
    PASS = "pass"  # noqa: S105 - a step's name
    REFUSE = "refuse"
    OBJECT = "object"
    CERTIFY = "certify"
    SUPERSEDE = "supersede"


REGISTRANT: Final = frozenset({Role.STEWARD})
REVIEWERS: Final = frozenset({Role.CATALOG_ADMIN, Role.REVIEWER_BUSINESS})
CERTIFIERS: Final = frozenset({Role.APPROVER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.DRAFT, Step.SAVE): Move(State.DRAFT, REGISTRANT),
    (State.DRAFT, Step.SUBMIT): Move(State.SUBMITTED, REGISTRANT),
    (State.DRAFT, Step.DROP): Move(State.DROPPED, REGISTRANT),
    (State.SUBMITTED, Step.RETURN): Move(State.DRAFT, REVIEWERS),
    (State.SUBMITTED, Step.PASS): Move(State.NOTICE, REVIEWERS),
    (State.SUBMITTED, Step.REFUSE): Move(State.REFUSED, REVIEWERS),
    (State.NOTICE, Step.OBJECT): Move(State.SUBMITTED, REVIEWERS),
    (State.NOTICE, Step.CERTIFY): Move(State.REGISTERED, CERTIFIERS),
    (State.REGISTERED, Step.SUPERSEDE): Move(State.SUPERSEDED, SYSTEM_ALONE),
}
FINAL: Final = frozenset({State.REFUSED, State.DROPPED, State.SUPERSEDED})
OPEN: Final = frozenset({State.DRAFT, State.SUBMITTED, State.NOTICE})
UNDER_WAY: Final = frozenset({State.SUBMITTED, State.NOTICE})
PUBLIC: Final = frozenset({State.NOTICE, State.REGISTERED, State.SUPERSEDED})
ACT_NAMES: Final[Mapping[Act, Text]] = {
    Act.FIRST: Text("首次登记", "First registration"),
    Act.CHANGE: Text("变更登记", "Change"),
    Act.CORRECTION: Text("更正登记", "Correction"),
    Act.RENEWAL: Text("续展登记", "Renewal"),
    Act.CANCELLATION: Text("注销登记", "Cancellation"),
}
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.DRAFT: Text("草稿", "Draft"),
    State.SUBMITTED: Text("形式审核中", "Under formal review"),
    State.NOTICE: Text("公示中", "On public notice"),
    State.REGISTERED: Text("已登记", "Registered"),
    State.REFUSED: Text("不予登记", "Refused"),
    State.DROPPED: Text("已放弃", "Dropped"),
    State.SUPERSEDED: Text("已被后续登记取代", "Superseded"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.SAVE: Text("保存", "Save"),
    Step.SUBMIT: Text("提交", "Submit"),
    Step.DROP: Text("放弃", "Drop"),
    Step.RETURN: Text("退回补正", "Return"),
    Step.PASS: Text("形式审核通过并公示", "Pass the review, give notice"),
    Step.REFUSE: Text("不予登记", "Refuse"),
    Step.OBJECT: Text("异议成立，重新审核", "Objection upheld: review again"),
    Step.CERTIFY: Text("登记赋码", "Register and give the code"),
    Step.SUPERSEDE: Text("被后续登记取代", "Superseded"),
}
MACHINE: Final = Machine(Text("登记", "registration"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
