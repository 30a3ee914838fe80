"""The life of a batch, as data: the service, the buttons and the tests all read this table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from core.errors import TransitionRefused
from core.text import Text


class BatchState(StrEnum):
    RECEIVED = "received"
    NEEDS_LOOK = "needs_look"
    TYPED = "typed"
    REFUSED = "refused"
    PASSED = "passed"
    PASSED_WITH_WAIVERS = "passed_with_waivers"
    NEEDS_CONFIRMATION = "needs_confirmation"
    FAILED = "failed"
    ERROR = "error"
    CONFIRMED = "confirmed"
    PUBLISHING = "publishing"
    RELEASED = "released"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


class BatchStep(StrEnum):
    TYPE = "type"
    LOOK = "look"
    ACCEPT = "accept"
    REFUSE = "refuse"
    PASS = "pass"  # noqa: S105 - a verdict, no secret
    ASK = "ask"
    WAIVE = "waive"
    FAIL = "fail"
    BREAK = "break"
    CONFIRM = "confirm"
    RECHECK = "recheck"
    REJECT = "reject"
    SUPERSEDE = "supersede"
    PUBLISH = "publish"
    RELEASE = "release"
    GIVE_BACK = "give_back"
    GIVE_BACK_CONFIRMED = "give_back_confirmed"
    GIVE_BACK_WAIVED = "give_back_waived"


class Move(NamedTuple):
    """Where a step leads, and which permission it needs; None is the service itself."""

    to: BatchState
    needs: str | None


_S, _P = BatchState, BatchStep
_SUBMIT, _CONFIRM, _PUBLISH = "datasets:batch:submit", "datasets:batch:confirm", "datasets:release:publish"
_READABLE: Final = (_S.NEEDS_LOOK, _S.REFUSED)
_CHECKED: Final = (
    _S.PASSED,
    _S.PASSED_WITH_WAIVERS,
    _S.NEEDS_CONFIRMATION,
    _S.FAILED,
    _S.ERROR,
    _S.CONFIRMED,
)

MOVES: Final[Mapping[tuple[BatchState, BatchStep], Move]] = {
    (_S.RECEIVED, _P.TYPE): Move(_S.TYPED, None),
    (_S.RECEIVED, _P.LOOK): Move(_S.NEEDS_LOOK, None),
    (_S.RECEIVED, _P.REFUSE): Move(_S.REFUSED, None),
    (_S.RECEIVED, _P.BREAK): Move(_S.ERROR, None),
    (_S.NEEDS_LOOK, _P.ACCEPT): Move(_S.TYPED, _SUBMIT),
    (_S.TYPED, _P.PASS): Move(_S.PASSED, None),
    (_S.TYPED, _P.ASK): Move(_S.NEEDS_CONFIRMATION, None),
    (_S.TYPED, _P.WAIVE): Move(_S.PASSED_WITH_WAIVERS, None),
    (_S.TYPED, _P.FAIL): Move(_S.FAILED, None),
    (_S.FAILED, _P.WAIVE): Move(_S.PASSED_WITH_WAIVERS, None),
    (_S.FAILED, _P.ASK): Move(_S.NEEDS_CONFIRMATION, None),
    (_S.NEEDS_CONFIRMATION, _P.WAIVE): Move(_S.PASSED_WITH_WAIVERS, None),
    (_S.TYPED, _P.BREAK): Move(_S.ERROR, None),
    (_S.NEEDS_CONFIRMATION, _P.CONFIRM): Move(_S.CONFIRMED, _CONFIRM),
    (_S.PASSED, _P.PUBLISH): Move(_S.PUBLISHING, _PUBLISH),
    (_S.CONFIRMED, _P.PUBLISH): Move(_S.PUBLISHING, _PUBLISH),
    (_S.PASSED_WITH_WAIVERS, _P.PUBLISH): Move(_S.PUBLISHING, _PUBLISH),
    (_S.PUBLISHING, _P.RELEASE): Move(_S.RELEASED, None),
    (_S.PUBLISHING, _P.GIVE_BACK): Move(_S.PASSED, None),
    (_S.PUBLISHING, _P.GIVE_BACK_CONFIRMED): Move(_S.CONFIRMED, None),
    (_S.PUBLISHING, _P.GIVE_BACK_WAIVED): Move(_S.PASSED_WITH_WAIVERS, None),
    **{(state, _P.RECHECK): Move(_S.RECEIVED, _SUBMIT) for state in (*_CHECKED, *_READABLE)},
    **{(state, _P.REJECT): Move(_S.REJECTED, _CONFIRM) for state in (*_CHECKED, *_READABLE)},
    **{(state, _P.SUPERSEDE): Move(_S.SUPERSEDED, _SUBMIT) for state in (*_CHECKED, *_READABLE)},
}

STATE_NAMES: Final[Mapping[BatchState, Text]] = {
    _S.RECEIVED: Text("已接收", "Received"),
    _S.NEEDS_LOOK: Text("读取方式待核对", "Needs a look"),
    _S.TYPED: Text("已定型，校验中", "Typed, being checked"),
    _S.REFUSED: Text("无法读取", "Could not be read"),
    _S.PASSED: Text("校验通过", "Passed"),
    _S.PASSED_WITH_WAIVERS: Text("凭豁免放行", "Passed with waivers"),
    _S.NEEDS_CONFIRMATION: Text("待确认", "Needs confirmation"),
    _S.FAILED: Text("校验未通过", "Failed"),
    _S.ERROR: Text("校验未能完成", "Check could not finish"),
    _S.CONFIRMED: Text("已确认", "Confirmed"),
    _S.PUBLISHING: Text("发布中", "Being published"),
    _S.RELEASED: Text("已发布", "Released"),
    _S.REJECTED: Text("已退回", "Rejected"),
    _S.SUPERSEDED: Text("已被更正批次取代", "Superseded by a correction"),
}
STEP_NAMES: Final[Mapping[BatchStep, Text]] = {
    _P.CONFIRM: Text("确认", "confirm"),
    _P.ACCEPT: Text("认可读取方式", "have its reading accepted"),
    _P.RECHECK: Text("重新校验", "check again"),
    _P.REJECT: Text("退回", "reject"),
    _P.SUPERSEDE: Text("更正或拆分", "correct or split"),
    _P.PUBLISH: Text("发布", "publish"),
}


def advance(state: BatchState, step: BatchStep) -> BatchState:
    """Next state; raises TransitionRefused. Reads no clock and no database."""
    if (move := MOVES.get((state, step))) is None:
        here, wanted = STATE_NAMES[state], STEP_NAMES.get(step, Text(step.value, step.value))
        raise TransitionRefused(
            Text(
                f"批次当前为“{here.zh}”，不能{wanted.zh}；请刷新后查看可用的操作。",
                f"The batch is “{here.en}” and cannot {wanted.en}; reload it to see what is open.",
            ),
            state=state.value,
            step=step.value,
        )
    return move.to


def open_steps(state: BatchState) -> tuple[BatchStep, ...]:
    """What people may do with a batch in this state."""
    return tuple(step for (source, step), move in MOVES.items() if source is state and move.needs)
