"""The life of one look at one grant, and of a campaign of them, as tables. The grant itself moves by its own machine."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import SYSTEM_ALONE, Machine, Move
from auth.roles import Role
from core.text import Text


class Kind(StrEnum):
    CERTIFICATION = "certification"
    EVALUATION = "evaluation"


class State(StrEnum):
    OPEN = "OPEN"
    KEPT = "KEPT"
    TO_NARROW = "TO_NARROW"
    TO_WITHDRAW = "TO_WITHDRAW"
    NARROWING = "NARROWING"
    WITHDRAWN = "WITHDRAWN"
    SETTLED = "SETTLED"


class Step(StrEnum):
    KEEP = "keep"
    NARROW = "narrow"
    WITHDRAW = "withdraw"
    RETURN = "return"
    CONFIRM = "confirm"
    REVOKE = "revoke"
    SETTLE = "settle"


ANSWERS: Final = frozenset({Step.KEEP, Step.NARROW, Step.WITHDRAW})
STEWARDS: Final = frozenset({Role.STEWARD})
DECIDERS: Final = frozenset({Role.APPROVER, Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.OPEN, Step.KEEP): Move(State.KEPT, STEWARDS),
    (State.OPEN, Step.NARROW): Move(State.TO_NARROW, STEWARDS),
    (State.OPEN, Step.WITHDRAW): Move(State.TO_WITHDRAW, STEWARDS),
    (State.TO_NARROW, Step.CONFIRM): Move(State.NARROWING, DECIDERS),
    (State.TO_NARROW, Step.RETURN): Move(State.OPEN, DECIDERS),
    (State.TO_WITHDRAW, Step.REVOKE): Move(State.WITHDRAWN, DECIDERS),
    (State.TO_WITHDRAW, Step.RETURN): Move(State.OPEN, DECIDERS),
    (State.OPEN, Step.SETTLE): Move(State.SETTLED, SYSTEM_ALONE),  # the grant has ended by itself
    (State.TO_NARROW, Step.SETTLE): Move(State.SETTLED, SYSTEM_ALONE),
    (State.TO_WITHDRAW, Step.SETTLE): Move(State.SETTLED, SYSTEM_ALONE),
    (State.NARROWING, Step.SETTLE): Move(
        State.SETTLED, SYSTEM_ALONE
    ),  # the amended grant took its place, or it ended
}
FINAL: Final = frozenset({State.KEPT, State.WITHDRAWN, State.SETTLED})
UNANSWERED: Final = frozenset({State.OPEN, State.TO_NARROW, State.TO_WITHDRAW})
KIND_NAMES: Final[Mapping[Kind, Text]] = {
    Kind.CERTIFICATION: Text("定期复核", "Certification"),
    Kind.EVALUATION: Text("授权后评估", "Evaluation"),
}
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.OPEN: Text("待答复", "To be answered"),
    State.KEPT: Text("保留", "Kept"),
    State.TO_NARROW: Text("建议收窄", "To be narrowed"),
    State.TO_WITHDRAW: Text("建议撤销", "To be withdrawn"),
    State.NARROWING: Text("限期变更", "To be amended by the holder"),
    State.WITHDRAWN: Text("已撤销授权", "Grant withdrawn"),
    State.SETTLED: Text("授权已终止或已变更", "Grant ended or amended"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.KEEP: Text("保留", "Keep"),
    Step.NARROW: Text("收窄", "Narrow"),
    Step.WITHDRAW: Text("撤销", "Withdraw"),
    Step.RETURN: Text("退回重答", "Return"),
    Step.CONFIRM: Text("同意收窄", "Confirm the narrowing"),
    Step.REVOKE: Text("同意并撤销授权", "Confirm and revoke the grant"),
    Step.SETTLE: Text("了结", "Settled"),
}
MACHINE: Final = Machine(Text("授权复核", "review of a grant"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance


class CampaignState(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"


class CampaignStep(StrEnum):
    CLOSE = "close"


CAMPAIGN_MACHINE: Final = Machine(
    Text("复核批次", "campaign"),
    {
        (CampaignState.OPEN, CampaignStep.CLOSE): Move(
            CampaignState.CLOSED, frozenset({Role.SECURITY_OFFICER})
        )
    },
    {CampaignState.OPEN: Text("进行中", "Under way"), CampaignState.CLOSED: Text("已结束", "Closed")},
    {CampaignStep.CLOSE: Text("结束批次", "Close the campaign")},
)
