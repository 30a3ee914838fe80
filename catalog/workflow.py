"""The life of a dataset record, as data. A withdrawn record stays as a tombstone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.errors import TransitionRefused
from core.text import Text


class State(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    EDIT = "edit"
    PUBLISH = "publish"
    WITHDRAW = "withdraw"


STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.EDIT: Text("修改", "edit"),
    Step.PUBLISH: Text("发布", "publish"),
    Step.WITHDRAW: Text("撤回", "withdraw"),
}
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.DRAFT: Text("草稿", "draft"),
    State.PUBLISHED: Text("已发布", "published"),
    State.WITHDRAWN: Text("已撤回", "withdrawn"),
}
MOVES: Final[Mapping[tuple[State, Step], State]] = {
    (State.DRAFT, Step.EDIT): State.DRAFT,
    (State.DRAFT, Step.PUBLISH): State.PUBLISHED,
    (State.DRAFT, Step.WITHDRAW): State.WITHDRAWN,
    (State.PUBLISHED, Step.EDIT): State.PUBLISHED,
    (State.PUBLISHED, Step.WITHDRAW): State.WITHDRAWN,
}


def advance(state: State, step: Step) -> State:
    """Next state; raises TransitionRefused."""
    if (to := MOVES.get((state, step))) is None:
        here, wanted = STATE_NAMES[state], STEP_NAMES[step]
        raise TransitionRefused(
            Text(f"记录{here.zh}，不能{wanted.zh}。", f"The record is {here.en}; one cannot {wanted.en} it."),
            state=state.value,
            step=step.value,
        )
    return to


def open_steps(state: State) -> tuple[Step, ...]:
    """What may be done to a record in this state."""
    return tuple(step for (source, step) in MOVES if source is state)
