"""The life of a grant as a table. Reads no clock and no database; validity in time is computed by `auth.policy.rules`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from auth.roles import Role
from core.errors import TransitionRefused
from core.text import Text


class State(StrEnum):
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    TERMINATED = "TERMINATED"
    EXPIRED = "EXPIRED"
    VOID = "VOID"
    SUPERSEDED = "SUPERSEDED"


class Step(StrEnum):
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    SUSPEND_BY_RULE = "suspend_by_rule"
    SUSPEND_DORMANT = "suspend-dormant"
    ASK_RESUME = "ask-resume"
    WAKE = "wake"
    DECLINE_RESUME = "decline-resume"
    RESUME = "resume"
    REVOKE = "revoke"
    RELINQUISH = "relinquish"
    EXPIRE = "expire"
    LAPSE = "lapse"
    SUPERSEDE = "supersede"


class Move(NamedTuple):
    """Where a step leads and who may take it; `by` without roles is the system alone."""

    to: State
    by: frozenset[Role]


_STEWARD: Final = frozenset({Role.STEWARD})
_SECURITY: Final = frozenset({Role.SECURITY_OFFICER})
_REVOKERS: Final = frozenset({Role.APPROVER, Role.SECURITY_OFFICER})
_OFFICER: Final = frozenset({Role.ORG_OFFICER})
_HOLDER: Final = frozenset({Role.ORG_OFFICER, Role.APPLICANT})
SYSTEM_ALONE: Final[frozenset[Role]] = frozenset()

MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.PENDING, Step.ACTIVATE): Move(State.ACTIVE, _STEWARD),
    (State.PENDING, Step.REVOKE): Move(State.REVOKED, _REVOKERS),
    (State.PENDING, Step.LAPSE): Move(State.VOID, SYSTEM_ALONE),
    (State.ACTIVE, Step.SUSPEND): Move(State.SUSPENDED, _SECURITY),
    (State.ACTIVE, Step.SUSPEND_BY_RULE): Move(State.SUSPENDED, SYSTEM_ALONE),  # an anomaly rule
    (State.ACTIVE, Step.SUSPEND_DORMANT): Move(State.SUSPENDED, SYSTEM_ALONE),  # nobody used it
    (State.ACTIVE, Step.REVOKE): Move(State.REVOKED, _REVOKERS),
    (State.ACTIVE, Step.RELINQUISH): Move(State.TERMINATED, _OFFICER),
    (State.ACTIVE, Step.EXPIRE): Move(State.EXPIRED, SYSTEM_ALONE),
    (State.ACTIVE, Step.SUPERSEDE): Move(State.SUPERSEDED, SYSTEM_ALONE),  # its successor is activated
    (State.SUSPENDED, Step.RESUME): Move(State.ACTIVE, _SECURITY),
    (State.SUSPENDED, Step.ASK_RESUME): Move(
        State.SUSPENDED, _HOLDER
    ),  # of a dormant one alone, as the next two
    (State.SUSPENDED, Step.WAKE): Move(State.ACTIVE, _STEWARD),
    (State.SUSPENDED, Step.DECLINE_RESUME): Move(State.SUSPENDED, _STEWARD),
    (State.SUSPENDED, Step.REVOKE): Move(State.REVOKED, _REVOKERS),
    (State.SUSPENDED, Step.RELINQUISH): Move(State.TERMINATED, _OFFICER),
    (State.SUSPENDED, Step.EXPIRE): Move(State.EXPIRED, SYSTEM_ALONE),
}
FINAL: Final = frozenset({State.REVOKED, State.TERMINATED, State.EXPIRED, State.VOID, State.SUPERSEDED})

STATE_NAMES: Final[Mapping[State, Text]] = {
    State.PENDING: Text("待生效", "Pending"),
    State.ACTIVE: Text("有效", "Active"),
    State.SUSPENDED: Text("已暂停", "Suspended"),
    State.REVOKED: Text("已撤销", "Revoked"),
    State.TERMINATED: Text("已放弃", "Relinquished"),
    State.EXPIRED: Text("已到期", "Expired"),
    State.VOID: Text("未生效作废", "Void"),
    State.SUPERSEDED: Text("已被接替", "Superseded"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.ACTIVATE: Text("生效", "Activate"),
    Step.SUSPEND: Text("暂停", "Suspend"),
    Step.SUSPEND_BY_RULE: Text("按规则暂停", "Suspend by rule"),
    Step.SUSPEND_DORMANT: Text("因长期未使用暂停", "Suspend for want of use"),
    Step.ASK_RESUME: Text("申请恢复使用", "Ask to resume"),
    Step.WAKE: Text("同意恢复使用", "Let it be used again"),
    Step.DECLINE_RESUME: Text("不同意恢复", "Decline to resume"),
    Step.RESUME: Text("恢复", "Resume"),
    Step.REVOKE: Text("撤销", "Revoke"),
    Step.RELINQUISH: Text("放弃", "Relinquish"),
    Step.EXPIRE: Text("到期", "Expire"),
    Step.LAPSE: Text("逾期作废", "Lapse"),
    Step.SUPERSEDE: Text("由后续授权接替", "Supersede"),
}


def advance(state: State, step: Step, roles: frozenset[Role], *, by_system: bool = False) -> State:
    """Next state; raises TransitionRefused. A step of the system is open to nobody else, and the other way round."""
    move = MOVES.get((state, step))
    open_to = move is not None and (move.by == SYSTEM_ALONE if by_system else not move.by.isdisjoint(roles))
    if move is None or not open_to:
        at, name = STATE_NAMES[state], STEP_NAMES[step]
        raise TransitionRefused(
            Text(
                f"授权处于“{at.zh}”状态，您不能执行“{name.zh}”；请刷新后查看当前可用的步骤。",
                f"The grant is {at.en.lower()}; the step “{name.en.lower()}” is not open to you. Reload to see which are.",
            ),
            state=state.value,
            step=step.value,
        )
    return move.to
