"""The life of a source consent as a table. Whether it holds on a day is no state: it is computed from its period."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    ENTERED = "ENTERED"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class Step(StrEnum):
    CONFIRM = "confirm"
    REJECT = "reject"
    WITHDRAW = "withdraw"


CHECKERS: Final = frozenset({Role.REVIEWER_BUSINESS, Role.APPROVER})
STOPPERS: Final = frozenset({Role.STEWARD, Role.APPROVER, Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.ENTERED, Step.CONFIRM): Move(State.CONFIRMED, CHECKERS),
    (State.ENTERED, Step.REJECT): Move(State.REJECTED, CHECKERS),
    (State.CONFIRMED, Step.WITHDRAW): Move(State.WITHDRAWN, STOPPERS),
}
FINAL: Final = frozenset({State.REJECTED, State.WITHDRAWN})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.ENTERED: Text("待核对", "To be checked"),
    State.CONFIRMED: Text("已确认", "Confirmed"),
    State.REJECTED: Text("未采信", "Not accepted"),
    State.WITHDRAWN: Text("已撤回", "Withdrawn"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.CONFIRM: Text("核对无误", "Confirm"),
    Step.REJECT: Text("不采信", "Do not accept"),
    Step.WITHDRAW: Text("撤回同意", "Withdraw the consent"),
}
MACHINE: Final = Machine(Text("共享提供单位同意", "source consent"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
