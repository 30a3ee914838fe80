"""The life of a delegation as a table. Whether it counts on a day is no state: it is computed from its period and the principal's role."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    OFFERED = "OFFERED"
    AGREED = "AGREED"
    DECLINED = "DECLINED"
    ENDED = "ENDED"


class Step(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"
    END = "end"


# Whoever may be a party holds one of these; which of the two parties takes which step is `PARTIES`.
BARRED: Final = frozenset(
    {
        Role.SYSADMIN,
        Role.AUDITOR,
        Role.ORG_OFFICER,
        Role.APPLICANT,
        Role.ANALYST,
        Role.CLERK,
        Role.CATALOG_ADMIN,
    }
)
BUREAU: Final = frozenset(Role) - BARRED
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.OFFERED, Step.ACCEPT): Move(State.AGREED, BUREAU),
    (State.OFFERED, Step.DECLINE): Move(State.DECLINED, BUREAU),
    (State.OFFERED, Step.END): Move(State.ENDED, BUREAU),
    (State.AGREED, Step.END): Move(State.ENDED, BUREAU),
}
PARTIES: Final[Mapping[Step, frozenset[str]]] = {
    Step.ACCEPT: frozenset({"deputy"}),
    Step.DECLINE: frozenset({"deputy"}),
    Step.END: frozenset({"deputy", "principal"}),
}
FINAL: Final = frozenset({State.DECLINED, State.ENDED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.OFFERED: Text("待代理人同意", "Waits for the deputy"),
    State.AGREED: Text("双方已同意", "Agreed by both"),
    State.DECLINED: Text("代理人未同意", "Declined"),
    State.ENDED: Text("已终止", "Ended"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.ACCEPT: Text("同意代理", "Agree to stand in"),
    Step.DECLINE: Text("不同意", "Decline"),
    Step.END: Text("立即终止", "End it now"),
}
MACHINE: Final = Machine(Text("代理", "delegation"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
