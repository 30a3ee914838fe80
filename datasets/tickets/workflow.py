"""The life of a ticket, as data: the service, the buttons, the docs and the tests all read this table.

检查 opens it (the gate), 受理/分拨/处理 are the department's 校核, 反馈 is its answer (更正, or 数据无误), 确认 closes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from core.errors import TransitionRefused
from core.text import Text


class TicketState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    ASSIGNED = "assigned"
    IN_WORK = "in_work"
    ANSWERED = "answered"
    REOPENED = "reopened"
    CLOSED = "closed"


class TicketStep(StrEnum):
    ACCEPT = "accept"
    ASSIGN = "assign"
    START = "start"
    ANSWER = "answer"
    MEND = "mend"
    RECUR = "recur"
    CONFIRM = "confirm"
    REOPEN = "reopen"


class Move(NamedTuple):
    """Where a step leads, and which permission it needs; None is the service itself."""

    to: TicketState
    needs: str | None


_S, _P = TicketState, TicketStep
_ASSIGN, _WORK, _CONFIRM = "datasets:ticket:assign", "datasets:ticket:work", "datasets:ticket:confirm"
WAITING: Final = (_S.OPEN, _S.ACCEPTED, _S.ASSIGNED, _S.IN_WORK, _S.REOPENED)  # for the department
LIVE: Final = (*WAITING, _S.ANSWERED)

MOVES: Final[Mapping[tuple[TicketState, TicketStep], Move]] = {
    (_S.OPEN, _P.ACCEPT): Move(_S.ACCEPTED, _ASSIGN),
    **{(state, _P.ASSIGN): Move(_S.ASSIGNED, _ASSIGN) for state in WAITING},
    **{(state, _P.START): Move(_S.IN_WORK, _WORK) for state in WAITING if state is not TicketState.IN_WORK},
    **{(state, _P.ANSWER): Move(_S.ANSWERED, _WORK) for state in WAITING},
    **{(state, _P.MEND): Move(_S.ANSWERED, None) for state in LIVE},
    (_S.ANSWERED, _P.RECUR): Move(_S.REOPENED, None),
    (_S.ANSWERED, _P.CONFIRM): Move(_S.CLOSED, _CONFIRM),
    (_S.ANSWERED, _P.REOPEN): Move(_S.REOPENED, _CONFIRM),
    (_S.CLOSED, _P.REOPEN): Move(_S.REOPENED, _CONFIRM),
}

STATE_NAMES: Final[Mapping[TicketState, Text]] = {
    _S.OPEN: Text("待受理", "To be accepted"),
    _S.ACCEPTED: Text("已受理", "Accepted"),
    _S.ASSIGNED: Text("已分拨", "Assigned"),
    _S.IN_WORK: Text("处理中", "In work"),
    _S.ANSWERED: Text("已反馈，待确认", "Answered, to be confirmed"),
    _S.REOPENED: Text("重新处理", "Reopened"),
    _S.CLOSED: Text("已办结", "Closed"),
}
STEP_NAMES: Final[Mapping[TicketStep, Text]] = {
    _P.ACCEPT: Text("受理", "accept"),
    _P.ASSIGN: Text("分拨", "assign"),
    _P.START: Text("开始处理", "begin work"),
    _P.ANSWER: Text("反馈", "answer"),
    _P.MEND: Text("系统核对通过", "settled by a check"),
    _P.RECUR: Text("再次未通过", "failed again"),
    _P.CONFIRM: Text("确认办结", "confirm"),
    _P.REOPEN: Text("重新打开", "reopen"),
}


def advance(state: TicketState, step: TicketStep) -> TicketState:
    """Next state; raises TransitionRefused. Reads no clock and no database."""
    if (move := MOVES.get((state, step))) is None:
        here, wanted = STATE_NAMES[state], STEP_NAMES[step]
        raise TransitionRefused(
            Text(
                f"工单当前为“{here.zh}”，不能{wanted.zh}；请刷新后查看可用的操作。",
                f"The ticket is “{here.en}” and you cannot {wanted.en} now; reload it to see what is open.",
            ),
            state=state.value,
            step=step.value,
        )
    return move.to


def open_steps(state: TicketState) -> tuple[TicketStep, ...]:
    """What people may do with a ticket in this state."""
    return tuple(step for (source, step), move in MOVES.items() if source is state and move.needs)
