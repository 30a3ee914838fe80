"""The way of an application as a table: checks, tests, buttons and the diagram in the docs all come from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from auth.roles import Role
from core.errors import TransitionRefused
from core.text import Text


class State(StrEnum):
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    IN_REVIEW = "IN_REVIEW"
    DECIDING = "DECIDING"
    OFFERED = "OFFERED"
    AGREED = "AGREED"
    RETURNED = "RETURNED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    LAPSED = "LAPSED"


class Step(StrEnum):
    SAVE = "save"
    CONFIRM = "confirm"
    SUBMIT = "submit"
    SCREEN_OK = "screen_ok"
    SCREEN_RETURN = "screen_return"
    SCREEN_REJECT = "screen_reject"
    REVIEW = "review"
    COMPLETE = "complete"
    RETURN = "return"
    RETURN_LATE = "return_late"
    PROPOSE = "propose"
    CONCUR = "concur"
    DISSENT = "dissent"
    OFFER = "offer"
    REJECT = "reject"
    ACCEPT_TERMS = "accept_terms"
    DECLINE = "decline"
    COUNTER = "counter"
    WITHDRAW = "withdraw"
    LAPSE = "lapse"


class Seat(StrEnum):
    """A part in one application alone, which no role gives: who was named for it."""

    CO_APPLICANT = "co_applicant"


Part = Role | Seat


class Move(NamedTuple):
    """Where a step leads and who may take it; `by` without roles is the system alone."""

    to: State
    by: frozenset[Part]


_APPLICANT: Final[frozenset[Part]] = frozenset({Role.APPLICANT})
_HANDS: Final = _APPLICANT | {Role.CLERK}  # a clerk only on drafts that he made for an enterprise
_WRITERS: Final = _HANDS | {Seat.CO_APPLICANT}
_OFFICER: Final[frozenset[Part]] = frozenset({Role.ORG_OFFICER})
_OWNERS: Final = _APPLICANT | _OFFICER
_SCREENER: Final[frozenset[Part]] = frozenset({Role.REVIEWER_BUSINESS})
_REVIEWERS: Final[frozenset[Part]] = frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY})
_APPROVER: Final[frozenset[Part]] = frozenset({Role.APPROVER})
SYSTEM_ALONE: Final[frozenset[Part]] = frozenset()

MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.DRAFT, Step.SAVE): Move(State.DRAFT, _WRITERS),
    (State.DRAFT, Step.CONFIRM): Move(State.DRAFT, _APPLICANT),
    (State.DRAFT, Step.SUBMIT): Move(State.SUBMITTED, _HANDS),
    (State.DRAFT, Step.WITHDRAW): Move(State.WITHDRAWN, _OWNERS),
    (State.SUBMITTED, Step.SCREEN_OK): Move(State.IN_REVIEW, _SCREENER),
    (State.SUBMITTED, Step.SCREEN_RETURN): Move(State.RETURNED, _SCREENER),
    (State.SUBMITTED, Step.SCREEN_REJECT): Move(State.REJECTED, _SCREENER),
    (State.SUBMITTED, Step.WITHDRAW): Move(State.WITHDRAWN, _OWNERS),
    (State.IN_REVIEW, Step.REVIEW): Move(State.IN_REVIEW, _REVIEWERS),
    (State.IN_REVIEW, Step.COMPLETE): Move(State.DECIDING, SYSTEM_ALONE),  # the last vote of the stage plan
    (State.IN_REVIEW, Step.RETURN): Move(State.RETURNED, _REVIEWERS | _APPROVER),
    (State.IN_REVIEW, Step.RETURN_LATE): Move(State.RETURNED, SYSTEM_ALONE),  # a paper did not follow in time
    (State.IN_REVIEW, Step.LAPSE): Move(State.LAPSED, SYSTEM_ALONE),
    (State.IN_REVIEW, Step.WITHDRAW): Move(State.WITHDRAWN, _OWNERS),
    (State.DECIDING, Step.RETURN): Move(State.RETURNED, _APPROVER),
    (State.DECIDING, Step.RETURN_LATE): Move(State.RETURNED, SYSTEM_ALONE),
    (State.DECIDING, Step.LAPSE): Move(State.LAPSED, SYSTEM_ALONE),
    (State.DECIDING, Step.PROPOSE): Move(
        State.DECIDING, _APPROVER
    ),  # one of several approvers, or of several scopes
    (State.DECIDING, Step.CONCUR): Move(State.DECIDING, _APPROVER),  # one more, and still too few
    (State.DECIDING, Step.DISSENT): Move(State.DECIDING, _APPROVER),
    (State.DECIDING, Step.OFFER): Move(State.OFFERED, _APPROVER),
    (State.DECIDING, Step.REJECT): Move(State.REJECTED, _APPROVER),
    (State.DECIDING, Step.WITHDRAW): Move(State.WITHDRAWN, _OWNERS),
    (State.OFFERED, Step.ACCEPT_TERMS): Move(State.AGREED, _OFFICER),
    (State.OFFERED, Step.COUNTER): Move(State.DECIDING, _APPLICANT),
    (State.OFFERED, Step.DECLINE): Move(State.WITHDRAWN, _OFFICER),
    (State.OFFERED, Step.WITHDRAW): Move(State.WITHDRAWN, _OWNERS),
    (State.OFFERED, Step.LAPSE): Move(State.LAPSED, SYSTEM_ALONE),
    (State.RETURNED, Step.SAVE): Move(State.RETURNED, _WRITERS),
    (State.RETURNED, Step.CONFIRM): Move(State.RETURNED, _APPLICANT),
    (State.RETURNED, Step.SUBMIT): Move(State.SUBMITTED, _HANDS),
    (State.RETURNED, Step.WITHDRAW): Move(State.WITHDRAWN, _OWNERS),
    (State.RETURNED, Step.LAPSE): Move(State.LAPSED, SYSTEM_ALONE),
}
FINAL: Final = frozenset({State.AGREED, State.REJECTED, State.WITHDRAWN, State.LAPSED})
ANSWERED: Final = frozenset({State.RETURNED, State.OFFERED})  # these wait for the applicant, and lapse
LIVE: Final = frozenset({State.SUBMITTED, State.IN_REVIEW, State.DECIDING, State.OFFERED})

STATE_NAMES: Final[Mapping[State, Text]] = {
    State.DRAFT: Text("草稿", "Draft"),
    State.SUBMITTED: Text("待受理", "Submitted"),
    State.IN_REVIEW: Text("审核中", "In review"),
    State.DECIDING: Text("待审批", "Awaiting decision"),
    State.OFFERED: Text("待签约", "Terms offered"),
    State.AGREED: Text("已签约", "Agreed"),
    State.RETURNED: Text("退回补正", "Returned"),
    State.REJECTED: Text("不予授权", "Rejected"),
    State.WITHDRAWN: Text("已撤回", "Withdrawn"),
    State.LAPSED: Text("逾期失效", "Lapsed"),
}
SEAT_NAMES: Final[Mapping[Seat, Text]] = {Seat.CO_APPLICANT: Text("共同申请人", "Co-applicant")}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.SAVE: Text("保存", "Save"),
    Step.CONFIRM: Text("核对确认", "Confirm the draft"),
    Step.SUBMIT: Text("提交", "Submit"),
    Step.SCREEN_OK: Text("受理", "Accept for review"),
    Step.SCREEN_RETURN: Text("退回补正", "Return for completion"),
    Step.SCREEN_REJECT: Text("不予受理", "Refuse"),
    Step.REVIEW: Text("审核", "Review"),
    Step.COMPLETE: Text("审核完成", "Reviews complete"),
    Step.RETURN: Text("退回补正", "Return"),
    Step.RETURN_LATE: Text("逾期未补交，退回", "Returned: papers late"),
    Step.PROPOSE: Text("拟定决定", "Propose a decision"),
    Step.CONCUR: Text("同意拟定决定", "Agree to the proposal"),
    Step.DISSENT: Text("不同意拟定决定", "Object to the proposal"),
    Step.OFFER: Text("准予", "Offer terms"),
    Step.REJECT: Text("不予授权", "Reject"),
    Step.ACCEPT_TERMS: Text("接受条款", "Accept terms"),
    Step.DECLINE: Text("不接受条款", "Decline terms"),
    Step.COUNTER: Text("提出修改意见", "Answer with a counter-proposal"),
    Step.WITHDRAW: Text("撤回", "Withdraw"),
    Step.LAPSE: Text("逾期失效", "Lapse"),
}


def state_on(state: State, due_on: date | None, today: date) -> State:
    """The state that counts on that day: what waited too long for an answer has lapsed, whether noted yet or not."""
    return State.LAPSED if state in ANSWERED and due_on is not None and due_on < today else state


def advance(state: State, step: Step, roles: frozenset[Part], *, by_system: bool = False) -> State:
    """Next state; raises TransitionRefused. A step of the system is open to nobody else, and the other way round."""
    move = MOVES.get((state, step))
    open_to = move is not None and (move.by == SYSTEM_ALONE if by_system else not move.by.isdisjoint(roles))
    if move is None or not open_to:
        at, name = STATE_NAMES[state], STEP_NAMES[step]
        raise TransitionRefused(
            Text(
                f"申请处于“{at.zh}”状态，您不能执行“{name.zh}”；请刷新后查看当前可用的步骤。",
                f"The application is in state “{at.en.lower()}”; the step “{name.en.lower()}” is not open to you. Reload to see which are.",
            ),
            state=state.value,
            step=step.value,
        )
    return move.to
