"""The life of an enclave request, as data: the service, the buttons, the docs and the tests all read this table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from core.errors import TransitionRefused
from core.text import Text


class EnclaveState(StrEnum):
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    IN_REVIEW = "in_review"
    RELEASED = "released"
    DECLINED = "declined"
    SUPPRESSED = "suppressed"
    REFUSED = "refused"
    STOPPED = "stopped"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class EnclaveStep(StrEnum):
    REVISE = "revise"
    APPROVE = "approve"
    RETURN = "return"
    DECLINE = "decline"
    FINISH = "finish"
    SUPPRESS = "suppress"
    STOP = "stop"
    FAIL = "fail"
    RELEASE = "release"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    CARRY = "carry"
    READ_ANEW = "read_anew"


class Move(NamedTuple):
    """Where a step leads, and which permission it needs; `worker` and `checkers` are no permissions of one person."""

    to: EnclaveState
    needs: str


_S, _P = EnclaveState, EnclaveStep
ASK: Final = "datasets:query:ask"
REVIEW: Final = "datasets:enclave:review"
WORKER: Final = "worker"
AMENDED: Final = "amended"  # by nobody: an amendment takes the place of the grant
CHECKERS: Final = "checkers"
MOVES: Final[Mapping[tuple[EnclaveState, EnclaveStep], Move]] = {
    (_S.SUBMITTED, _P.APPROVE): Move(_S.APPROVED, REVIEW),
    (_S.SUBMITTED, _P.RETURN): Move(_S.RETURNED, REVIEW),
    (_S.SUBMITTED, _P.DECLINE): Move(_S.DECLINED, REVIEW),
    (_S.RETURNED, _P.REVISE): Move(_S.SUBMITTED, ASK),
    (_S.APPROVED, _P.FINISH): Move(_S.IN_REVIEW, WORKER),
    (_S.APPROVED, _P.SUPPRESS): Move(_S.SUPPRESSED, WORKER),
    (_S.APPROVED, _P.STOP): Move(_S.STOPPED, WORKER),
    (_S.APPROVED, _P.FAIL): Move(_S.FAILED, WORKER),
    (_S.IN_REVIEW, _P.RELEASE): Move(_S.RELEASED, CHECKERS),
    (_S.IN_REVIEW, _P.REFUSE): Move(_S.REFUSED, CHECKERS),
    **{(state, _P.CARRY): Move(state, AMENDED) for state in (_S.SUBMITTED, _S.RETURNED, _S.APPROVED)},
    (_S.IN_REVIEW, _P.CARRY): Move(_S.APPROVED, AMENDED),
    **{(state, _P.READ_ANEW): Move(_S.SUBMITTED, AMENDED) for state in (_S.APPROVED, _S.IN_REVIEW)},
    **{(state, _P.STOP): Move(_S.STOPPED, AMENDED) for state in (_S.SUBMITTED, _S.RETURNED, _S.IN_REVIEW)},
    (_S.SUBMITTED, _P.WITHDRAW): Move(_S.WITHDRAWN, ASK),
    (_S.RETURNED, _P.WITHDRAW): Move(_S.WITHDRAWN, ASK),
    (_S.APPROVED, _P.WITHDRAW): Move(_S.WITHDRAWN, ASK),
    (_S.IN_REVIEW, _P.WITHDRAW): Move(_S.WITHDRAWN, ASK),
}
# What ends before anything was computed gives its extract back to the quota.
GIVES_BACK: Final = frozenset({_P.DECLINE, _P.STOP, _P.FAIL})
STATE_NAMES: Final[Mapping[EnclaveState, Text]] = {
    _S.SUBMITTED: Text("待审查方案", "Specification to review"),
    _S.RETURNED: Text("退回修改", "Returned for changes"),
    _S.APPROVED: Text("已批准，域内计算中", "Approved; computed inside"),
    _S.IN_REVIEW: Text("结果待出域审核", "Result waits for output review"),
    _S.RELEASED: Text("准予出域", "Released"),
    _S.DECLINED: Text("方案未获批准", "Specification declined"),
    _S.SUPPRESSED: Text("按披露控制不予输出", "Nothing may be told"),
    _S.REFUSED: Text("不予出域", "Refused by the checkers"),
    _S.STOPPED: Text("授权失效，已停止", "Stopped: the grant no longer allows it"),
    _S.FAILED: Text("未能算出", "Not computed"),
    _S.WITHDRAWN: Text("已撤回", "Withdrawn"),
}
STEP_NAMES: Final[Mapping[str, Text]] = {
    "submit": Text("提交方案", "Submitted"),
    _P.REVISE: Text("修改后再次提交", "Submitted again"),
    _P.APPROVE: Text("批准方案", "Approved"),
    _P.RETURN: Text("退回修改", "Returned"),
    _P.DECLINE: Text("不批准", "Declined"),
    _P.FINISH: Text("算出结果，提交出域审核", "Computed; put before the checkers"),
    _P.SUPPRESS: Text("按披露控制不予输出", "Nothing may be told"),
    _P.STOP: Text("授权失效，停止", "Stopped"),
    _P.FAIL: Text("未能算出", "Not computed"),
    _P.RELEASE: Text("准予出域", "Released"),
    _P.REFUSE: Text("不予出域", "Refused"),
    _P.WITHDRAW: Text("撤回", "Withdrawn"),
    _P.CARRY: Text("转入变更后的授权", "Goes on under the amended grant"),
    _P.READ_ANEW: Text("授权条款已变更，重新审查", "The terms were amended; to be reviewed anew"),
}


def advance(state: EnclaveState, step: EnclaveStep) -> EnclaveState:
    """Next state; raises TransitionRefused. Reads no clock and no database."""
    if (move := MOVES.get((state, step))) is None:
        here = STATE_NAMES[state]
        raise TransitionRefused(
            Text(
                f"该域内计算现为“{here.zh}”，不能“{STEP_NAMES[step].zh}”；请刷新页面。",
                f"This computation is “{here.en}”; “{step}” is not open now. Reload the page.",
            ),
            state=state.value,
            step=step.value,
        )
    return move.to
