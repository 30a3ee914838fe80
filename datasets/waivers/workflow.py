"""The life of a waiver, as data. Its end in time is not a state: it is computed at the moment of use. Nothing renews it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from core.errors import TransitionRefused
from core.text import Text


class WaiverState(StrEnum):
    PROPOSED = "proposed"
    SIGNED = "signed"
    REFUSED = "refused"
    REVOKED = "revoked"


class WaiverStep(StrEnum):
    SECOND = "second"
    REFUSE = "refuse"
    REVOKE = "revoke"


class Move(NamedTuple):
    """Where a step leads, and which permission it needs."""

    to: WaiverState
    needs: str


_S, _P = WaiverState, WaiverStep
_SECOND, _REVOKE = "datasets:waiver:second", "datasets:waiver:revoke"
MOVES: Final[Mapping[tuple[WaiverState, WaiverStep], Move]] = {
    (_S.PROPOSED, _P.SECOND): Move(_S.SIGNED, _SECOND),
    (_S.PROPOSED, _P.REFUSE): Move(_S.REFUSED, _SECOND),
    (_S.PROPOSED, _P.REVOKE): Move(_S.REVOKED, _REVOKE),
    (_S.SIGNED, _P.REVOKE): Move(_S.REVOKED, _REVOKE),
}

STANDING_NAMES: Final[Mapping[str, Text]] = {
    "proposed": Text("待第二人签字", "Waits for the second signature"),
    "effective": Text("生效中", "In force"),
    "expired": Text("已到期", "Ended"),
    "refused": Text("未获同意", "Refused"),
    "revoked": Text("已撤销", "Revoked"),
}
STEP_NAMES: Final[Mapping[WaiverStep, Text]] = {
    _P.SECOND: Text("签字同意", "sign as the second person"),
    _P.REFUSE: Text("不同意", "refuse"),
    _P.REVOKE: Text("撤销", "revoke"),
}


STATE_NAMES: Final[Mapping[WaiverState, Text]] = {
    _S.PROPOSED: Text("待第二人签字", "waiting for the second signature"),
    _S.SIGNED: Text("已签发", "signed"),
    _S.REFUSED: Text("未同意", "refused"),
    _S.REVOKED: Text("已撤销", "revoked"),
}


def advance(state: WaiverState, step: WaiverStep) -> WaiverState:
    """Next state; raises TransitionRefused."""
    if (move := MOVES.get((state, step))) is None:
        name = STEP_NAMES[step]
        raise TransitionRefused(
            Text(
                f"该豁免已处理（{STATE_NAMES[state].zh}），不能再{name.zh}；需要时请重新签发一份。",
                f"The waiver is “{STATE_NAMES[state].en}”; you cannot {name.en} any more. If it is needed, sign a new one.",
            ),
            state=state.value,
            step=step.value,
        )
    return move.to
