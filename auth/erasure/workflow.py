"""The life of a request to erase, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    ASKED = "ASKED"
    ERASED = "ERASED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class Step(StrEnum):
    ERASE = "erase"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


_DECIDES: Final = frozenset({Role.SYSADMIN})
_ASKED: Final = frozenset(
    {Role.APPLICANT}
)  # whoever asked, or is concerned, whatever role he holds elsewhere
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.ASKED, Step.ERASE): Move(State.ERASED, _DECIDES),
    (State.ASKED, Step.REFUSE): Move(State.REFUSED, _DECIDES),
    (State.ASKED, Step.WITHDRAW): Move(State.WITHDRAWN, _ASKED),
}
FINAL: Final = frozenset({State.ERASED, State.REFUSED, State.WITHDRAWN})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.ASKED: Text("待办理", "To be decided"),
    State.ERASED: Text("已删除", "Erased"),
    State.REFUSED: Text("不予删除", "Refused"),
    State.WITHDRAWN: Text("已撤回", "Withdrawn"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.ERASE: Text("删除个人信息", "Erase the personal data"),
    Step.REFUSE: Text("不予删除", "Refuse"),
    Step.WITHDRAW: Text("撤回请求", "Withdraw the request"),
}
MACHINE: Final = Machine(
    Text("个人信息删除请求", "request to erase personal data"), MOVES, STATE_NAMES, STEP_NAMES
)
advance = MACHINE.advance
