"""The life of a source and the ends of its runs, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.errors import TransitionRefused
from core.text import Text


class SourceState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class SourceStep(StrEnum):
    PAUSE = "pause"
    GIVE_UP = "give_up"  # the service itself, after too many failures
    RESUME = "resume"
    REMOVE = "remove"


class Outcome(StrEnum):
    """How a run ended. `recognised`: the bytes were handed in before; `unchanged`: nothing new at the source."""

    RUNNING = "running"
    DELIVERED = "delivered"
    RECOGNISED = "recognised"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CANCELLED = "cancelled"


_S, _P = SourceState, SourceStep

MOVES: Final[Mapping[tuple[SourceState, SourceStep], SourceState]] = {
    (_S.ACTIVE, _P.PAUSE): _S.PAUSED,
    (_S.ACTIVE, _P.GIVE_UP): _S.PAUSED,
    (_S.PAUSED, _P.RESUME): _S.ACTIVE,
    (_S.ACTIVE, _P.REMOVE): _S.REMOVED,
    (_S.PAUSED, _P.REMOVE): _S.REMOVED,
}

STATE_NAMES: Final[Mapping[SourceState, Text]] = {
    _S.ACTIVE: Text("运行中", "Active"),
    _S.PAUSED: Text("已暂停", "Paused"),
    _S.REMOVED: Text("已移除", "Removed"),
}
OUTCOME_NAMES: Final[Mapping[Outcome, Text]] = {
    Outcome.RUNNING: Text("进行中", "Running"),
    Outcome.DELIVERED: Text("已提交新批次", "New batch handed in"),
    Outcome.RECOGNISED: Text("与已提交文件相同", "Same bytes as before"),
    Outcome.UNCHANGED: Text("没有新内容", "Nothing new"),
    Outcome.FAILED: Text("失败", "Failed"),
    Outcome.CANCELLED: Text("已取消", "Cancelled"),
}
_STEP_NAMES: Final[Mapping[SourceStep, Text]] = {
    _P.PAUSE: Text("暂停", "paused"),
    _P.GIVE_UP: Text("暂停", "paused"),
    _P.RESUME: Text("恢复", "resumed"),
    _P.REMOVE: Text("移除", "removed"),
}


def advance(state: SourceState, step: SourceStep) -> SourceState:
    """The next state; raises TransitionRefused."""
    if (to := MOVES.get((state, step))) is None:
        at, what = STATE_NAMES[state], _STEP_NAMES[step]
        raise TransitionRefused(
            Text(
                f"来源{at.zh}，不能{what.zh}；请刷新页面查看当前状态。",
                f"The source is {at.en.lower()}, so it cannot be {what.en}; reload to see how it stands.",
            ),
            state=state.value,
        )
    return to
