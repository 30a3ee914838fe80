"""The life of an outside catalogue and the ends of its harvests, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.errors import TransitionRefused
from core.text import Text


class HarvestState(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class HarvestStep(StrEnum):
    APPROVE = "approve"
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"


class RunState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class Result(StrEnum):
    """What became of one record. `held`: gone or changed, but not acted upon; the reason says why."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    GONE = "gone"
    HELD = "held"
    FAILED = "failed"


_S, _P = HarvestState, HarvestStep
MOVES: Final[Mapping[tuple[HarvestState, HarvestStep], HarvestState]] = {
    (_S.PROPOSED, _P.APPROVE): _S.ACTIVE,
    (_S.ACTIVE, _P.PAUSE): _S.PAUSED,
    (_S.PAUSED, _P.RESUME): _S.ACTIVE,
    (_S.PROPOSED, _P.REMOVE): _S.REMOVED,
    (_S.ACTIVE, _P.REMOVE): _S.REMOVED,
    (_S.PAUSED, _P.REMOVE): _S.REMOVED,
}
STATE_NAMES: Final[Mapping[HarvestState, Text]] = {
    _S.PROPOSED: Text("待第二人批准", "Waits for a second person"),
    _S.ACTIVE: Text("运行中", "Active"),
    _S.PAUSED: Text("已暂停", "Paused"),
    _S.REMOVED: Text("已移除", "Removed"),
}
RUN_NAMES: Final[Mapping[RunState, Text]] = {
    RunState.RUNNING: Text("进行中", "Running"),
    RunState.DONE: Text("完成", "Done"),
    RunState.UNCHANGED: Text("来源未变", "Source unchanged"),
    RunState.FAILED: Text("失败", "Failed"),
}
RESULT_NAMES: Final[Mapping[Result, Text]] = {
    Result.CREATED: Text("新增", "Created"),
    Result.CHANGED: Text("变更", "Changed"),
    Result.UNCHANGED: Text("未变", "Unchanged"),
    Result.GONE: Text("已删除", "Gone"),
    Result.HELD: Text("未处理", "Held back"),
    Result.FAILED: Text("失败", "Failed"),
}


def advance(state: HarvestState, step: HarvestStep) -> HarvestState:
    """The next state; raises TransitionRefused."""
    if (to := MOVES.get((state, step))) is None:
        at = STATE_NAMES[state]
        raise TransitionRefused(
            Text(
                f"外部目录的状态为“{at.zh}”，不能执行此步；请刷新页面。",
                f"The outside catalogue is in state “{at.en}”, so this step is not open; reload the page.",
            ),
            state=state.value,
        )
    return to
