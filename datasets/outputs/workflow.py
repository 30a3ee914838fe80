"""The life of an output review, as data: the service, the buttons, the docs and the tests all read this table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from core.errors import TransitionRefused
from core.text import Text


class OutputState(StrEnum):
    IN_REVIEW = "in_review"
    RELEASED = "released"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class OutputStep(StrEnum):
    VOTE = "vote"
    RELEASE = "release"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


class Move(NamedTuple):
    """Where a step leads, and which permission it needs."""

    to: OutputState
    needs: str


_S, _P = OutputState, OutputStep
_CHECK = "datasets:output:check"
MOVES: Final[Mapping[tuple[OutputState, OutputStep], Move]] = {
    (_S.IN_REVIEW, _P.VOTE): Move(_S.IN_REVIEW, _CHECK),  # the first of two; nobody hears what it was
    (_S.IN_REVIEW, _P.RELEASE): Move(_S.RELEASED, _CHECK),
    (_S.IN_REVIEW, _P.REFUSE): Move(_S.REFUSED, _CHECK),
    (_S.IN_REVIEW, _P.WITHDRAW): Move(_S.WITHDRAWN, "datasets:extract:request"),
}

STATE_NAMES: Final[Mapping[OutputState, Text]] = {
    _S.IN_REVIEW: Text("待出域审核", "Waits for output review"),
    _S.RELEASED: Text("准予出域", "Released"),
    _S.REFUSED: Text("不予出域", "Refused"),
    _S.WITHDRAWN: Text("已撤回", "Withdrawn"),
}


def advance(state: OutputState, step: OutputStep) -> OutputState:
    """Next state; raises TransitionRefused. Reads no clock and no database."""
    if (move := MOVES.get((state, step))) is None:
        here = STATE_NAMES[state]
        raise TransitionRefused(
            Text(
                f"该出域审核已是“{here.zh}”，不能再办理；请刷新页面。",
                f"This output review is “{here.en}”; nothing can be done with it any more. Reload the page.",
            ),
            state=state.value,
            step=step.value,
        )
    return move.to
