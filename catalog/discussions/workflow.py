"""The life of a thread, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

from core.errors import TransitionRefused
from core.text import Text

Kind = Literal["question", "error"]
KIND_NAMES: Final[Mapping[str, Text]] = {
    "question": Text("提问或讨论", "Question or remark"), "error": Text("数据错误", "Error in the data"),
}  # fmt: skip


class ThreadState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    DECLINED = "declined"


class ThreadStep(StrEnum):
    ACCEPT = "accept"
    SETTLE = "settle"
    DECLINE = "decline"
    REOPEN = "reopen"


STATE_NAMES: Final[Mapping[ThreadState, Text]] = {
    ThreadState.OPEN: Text("待答复", "waits for an answer"),
    ThreadState.ACCEPTED: Text("已确认，将更正", "confirmed, to be mended"),
    ThreadState.SETTLED: Text("已答复", "answered"),
    ThreadState.DECLINED: Text("不予更正", "not to be changed"),
}
STEP_NAMES: Final[Mapping[ThreadStep, Text]] = {
    ThreadStep.ACCEPT: Text("确认，将更正", "Confirm, to be mended"),
    ThreadStep.SETTLE: Text("答复完毕", "Answered"),
    ThreadStep.DECLINE: Text("不予更正", "Not to be changed"),
    ThreadStep.REOPEN: Text("重新提出", "Ask again"),
}
Side = Literal["department", "author"]
MOVES: Final[Mapping[tuple[ThreadState, ThreadStep], tuple[ThreadState, Side]]] = {
    (ThreadState.OPEN, ThreadStep.ACCEPT): (ThreadState.ACCEPTED, "department"),
    (ThreadState.OPEN, ThreadStep.SETTLE): (ThreadState.SETTLED, "department"),
    (ThreadState.OPEN, ThreadStep.DECLINE): (ThreadState.DECLINED, "department"),
    (ThreadState.ACCEPTED, ThreadStep.SETTLE): (ThreadState.SETTLED, "department"),
    (ThreadState.SETTLED, ThreadStep.REOPEN): (ThreadState.OPEN, "author"),
    (ThreadState.DECLINED, ThreadStep.REOPEN): (ThreadState.OPEN, "author"),
}


def steps_of(state: ThreadState, *, is_department: bool, is_author: bool) -> list[ThreadStep]:
    """The steps that are open to this reader."""
    sides = {"department": is_department, "author": is_author}
    return [step for (here, step), (_, side) in MOVES.items() if here is state and sides[side]]


def advance(state: ThreadState, step: ThreadStep, *, is_department: bool, is_author: bool) -> ThreadState:
    """Next state; raises TransitionRefused."""
    if step not in steps_of(state, is_department=is_department, is_author=is_author):
        raise TransitionRefused(
            Text(
                f"该条目{STATE_NAMES[state].zh}，您不能{STEP_NAMES[step].zh}。",
                f"It {STATE_NAMES[state].en}; “{STEP_NAMES[step].en}” is not open to you.",
            ),
            state=state.value,
            step=step.value,
        )
    return MOVES[state, step][0]
