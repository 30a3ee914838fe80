"""The life of a suggested reuse, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

from core.errors import TransitionRefused
from core.text import Text

Kind = Literal["application", "visualisation", "article", "research", "service", "product", "other"]
KIND_NAMES: Final[Mapping[str, Text]] = {
    "application": Text("应用", "Application"), "visualisation": Text("可视化", "Visualisation"), "article": Text("报道或文章", "Article"),
    "research": Text("研究", "Research"), "service": Text("服务", "Service"), "product": Text("数据产品", "Data product"),
    "other": Text("其他", "Other"),
}  # fmt: skip


class ReuseState(StrEnum):
    SUGGESTED = "suggested"
    SHOWN = "shown"
    DECLINED = "declined"
    REMOVED = "removed"
    TAKEN_BACK = "taken-back"


class ReuseStep(StrEnum):
    SHOW = "show"
    DECLINE = "decline"
    REMOVE = "remove"
    TAKE_BACK = "take-back"


STATE_NAMES: Final[Mapping[ReuseState, Text]] = {
    ReuseState.SUGGESTED: Text("待部门审核", "awaits the department"),
    ReuseState.SHOWN: Text("已公开", "shown"),
    ReuseState.DECLINED: Text("未采纳", "declined"),
    ReuseState.REMOVED: Text("已撤下", "taken off"),
    ReuseState.TAKEN_BACK: Text("已收回", "taken back"),
}
STEP_NAMES: Final[Mapping[ReuseStep, Text]] = {
    ReuseStep.SHOW: Text("公开", "Show it"),
    ReuseStep.DECLINE: Text("不采纳", "Decline"),
    ReuseStep.REMOVE: Text("撤下", "Take it off"),
    ReuseStep.TAKE_BACK: Text("收回", "Take it back"),
}
Side = Literal["department", "author"]
MOVES: Final[Mapping[tuple[ReuseState, ReuseStep], tuple[ReuseState, Side]]] = {
    (ReuseState.SUGGESTED, ReuseStep.SHOW): (ReuseState.SHOWN, "department"),
    (ReuseState.SUGGESTED, ReuseStep.DECLINE): (ReuseState.DECLINED, "department"),
    (ReuseState.SUGGESTED, ReuseStep.TAKE_BACK): (ReuseState.TAKEN_BACK, "author"),
    (ReuseState.SHOWN, ReuseStep.REMOVE): (ReuseState.REMOVED, "department"),
    (ReuseState.SHOWN, ReuseStep.TAKE_BACK): (ReuseState.TAKEN_BACK, "author"),
}
NEED_REASON: Final = frozenset({ReuseStep.DECLINE, ReuseStep.REMOVE})


def steps_of(state: ReuseState, *, is_department: bool, is_author: bool) -> list[ReuseStep]:
    """The steps that are open to this reader. Nobody shows what he suggested himself."""
    sides = {"department": is_department, "author": is_author}
    return [
        step
        for (here, step), (_, side) in MOVES.items()
        if here is state and sides[side] and not (step is ReuseStep.SHOW and is_author)
    ]


def advance(state: ReuseState, step: ReuseStep, *, is_department: bool, is_author: bool) -> ReuseState:
    """Next state; raises TransitionRefused."""
    if step not in steps_of(state, is_department=is_department, is_author=is_author):
        raise TransitionRefused(
            Text(
                f"该条目{STATE_NAMES[state].zh}，您不能“{STEP_NAMES[step].zh}”；自己提交的由同部门另一人审核。",
                f"It is {STATE_NAMES[state].en}; “{STEP_NAMES[step].en}” is not open to you. What one suggested oneself, another person of the department judges.",
            ),
            state=state.value,
            step=step.value,
        )
    return MOVES[state, step][0]
