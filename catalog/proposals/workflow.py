"""The life of a proposal, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

from core.errors import TransitionRefused
from core.text import Text

Side = Literal["author", "reviewer"]


class ProposalState(StrEnum):
    OPEN = "open"
    TIMED = "timed"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    TAKEN_BACK = "taken_back"


class ProposalStep(StrEnum):
    AMEND = "amend"
    ACCEPT = "accept"
    TIME = "time"
    RETURN = "return"
    TAKE_BACK = "take_back"


STATE_NAMES: Final[Mapping[ProposalState, Text]] = {
    ProposalState.OPEN: Text("待复核", "awaiting review"),
    ProposalState.TIMED: Text("已通过，待生效", "accepted for a later moment"),
    ProposalState.ACCEPTED: Text("已通过", "accepted"),
    ProposalState.RETURNED: Text("已退回", "returned"),
    ProposalState.TAKEN_BACK: Text("已收回", "taken back"),
}
STEP_NAMES: Final[Mapping[ProposalStep, Text]] = {
    ProposalStep.AMEND: Text("修改", "amend"),
    ProposalStep.ACCEPT: Text("通过", "accept"),
    ProposalStep.TIME: Text("定时通过", "accept for a later moment"),
    ProposalStep.RETURN: Text("退回", "return"),
    ProposalStep.TAKE_BACK: Text("收回", "take back"),
}
KIND_NAMES: Final[Mapping[str, Text]] = {
    "publish": Text("首次发布", "First publication"),
    "change": Text("修改已发布记录", "Change of a published record"),
}
MOVES: Final[Mapping[tuple[ProposalState, ProposalStep], tuple[ProposalState, Side]]] = {
    (ProposalState.OPEN, ProposalStep.AMEND): (ProposalState.OPEN, "author"),
    (ProposalState.OPEN, ProposalStep.ACCEPT): (ProposalState.ACCEPTED, "reviewer"),
    (ProposalState.OPEN, ProposalStep.TIME): (ProposalState.TIMED, "reviewer"),
    (ProposalState.OPEN, ProposalStep.RETURN): (ProposalState.RETURNED, "reviewer"),
    (ProposalState.OPEN, ProposalStep.TAKE_BACK): (ProposalState.TAKEN_BACK, "author"),
    (ProposalState.TIMED, ProposalStep.AMEND): (ProposalState.OPEN, "author"),
    (ProposalState.TIMED, ProposalStep.ACCEPT): (ProposalState.ACCEPTED, "reviewer"),
    (ProposalState.TIMED, ProposalStep.TIME): (ProposalState.TIMED, "reviewer"),
    (ProposalState.TIMED, ProposalStep.RETURN): (ProposalState.RETURNED, "reviewer"),
    (ProposalState.TIMED, ProposalStep.TAKE_BACK): (ProposalState.TAKEN_BACK, "author"),
}
WAITING: Final = (ProposalState.OPEN, ProposalState.TIMED)
"""Not at its end: nobody else proposes, and no reader sees what it holds."""


def advance(state: ProposalState, step: ProposalStep) -> ProposalState:
    """Next state; raises TransitionRefused."""
    if (move := MOVES.get((state, step))) is None:
        here, wanted = STATE_NAMES[state], STEP_NAMES[step]
        raise TransitionRefused(
            Text(
                f"该提议{here.zh}，不能{wanted.zh}。",
                f"The proposal is {here.en}; one cannot {wanted.en} it.",
            ),
            state=state.value,
            step=step.value,
        )
    return move[0]
