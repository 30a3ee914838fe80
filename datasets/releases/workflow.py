"""The life of a release, as data. Once published it is never changed or deleted: superseded, withdrawn with a tombstone, or, by
a dataset's rule of retention, retired: its record stays, its files may go."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from core.errors import TransitionRefused
from core.text import Text


class ReleaseState(StrEnum):
    PREPARING = "preparing"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    RETIRED = "retired"
    FAILED = "failed"


class ReleaseStep(StrEnum):
    FINISH = "finish"
    SUPERSEDE = "supersede"
    WITHDRAW = "withdraw"
    RETIRE = "retire"
    FAIL = "fail"


class Move(NamedTuple):
    """Where a step leads, and which permission it needs; None is the service itself."""

    to: ReleaseState
    needs: str | None


_WITHDRAW: Final = "datasets:release:withdraw"
_RETIRE: Final = "datasets:release:retire"
MOVES: Final[Mapping[tuple[ReleaseState, ReleaseStep], Move]] = {
    (ReleaseState.PREPARING, ReleaseStep.FINISH): Move(ReleaseState.PUBLISHED, None),
    (ReleaseState.PREPARING, ReleaseStep.FAIL): Move(ReleaseState.FAILED, None),
    (ReleaseState.PUBLISHED, ReleaseStep.SUPERSEDE): Move(ReleaseState.SUPERSEDED, None),
    (ReleaseState.PUBLISHED, ReleaseStep.WITHDRAW): Move(ReleaseState.WITHDRAWN, _WITHDRAW),
    (ReleaseState.SUPERSEDED, ReleaseStep.WITHDRAW): Move(ReleaseState.WITHDRAWN, _WITHDRAW),
    (ReleaseState.SUPERSEDED, ReleaseStep.RETIRE): Move(ReleaseState.RETIRED, _RETIRE),
}
STATE_NAMES: Final[Mapping[ReleaseState, Text]] = {
    ReleaseState.PREPARING: Text("发布中", "Being published"),
    ReleaseState.PUBLISHED: Text("当前版本", "Current"),
    ReleaseState.SUPERSEDED: Text("历史版本", "Superseded"),
    ReleaseState.WITHDRAWN: Text("已撤回", "Withdrawn"),
    ReleaseState.RETIRED: Text("已退役", "Retired"),
    ReleaseState.FAILED: Text("发布未成", "Not published"),
}
DELIVERABLE: Final = frozenset({ReleaseState.PUBLISHED, ReleaseState.SUPERSEDED})
PUBLIC: Final = DELIVERABLE | {ReleaseState.WITHDRAWN, ReleaseState.RETIRED}


def advance(state: ReleaseState, step: ReleaseStep) -> ReleaseState:
    """Next state; raises TransitionRefused."""
    if (move := MOVES.get((state, step))) is None:
        here = STATE_NAMES[state]
        raise TransitionRefused(
            Text(
                f"该版本为“{here.zh}”，此操作不可用；请刷新后查看。",
                f"The release is “{here.en}”; this step is not open. Reload it and look again.",
            ),
            state=state.value,
            step=step.value,
        )
    return move.to
