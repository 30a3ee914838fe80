"""The life of one task of the yearly plan as a table. Late is no state: it is computed from its milestone."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class State(StrEnum):
    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    DONE = "DONE"
    DROPPED = "DROPPED"


class Step(StrEnum):
    PUBLISH = "publish"
    FINISH = "finish"
    REOPEN = "reopen"
    DROP = "drop"


PLANNERS: Final = frozenset({Role.CATALOG_ADMIN})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.DRAFT, Step.PUBLISH): Move(State.PUBLISHED, PLANNERS),
    (State.DRAFT, Step.DROP): Move(State.DROPPED, PLANNERS),
    (State.PUBLISHED, Step.FINISH): Move(State.DONE, PLANNERS | {Role.STEWARD}),
    (State.PUBLISHED, Step.DROP): Move(State.DROPPED, PLANNERS),
    (State.DONE, Step.REOPEN): Move(State.PUBLISHED, PLANNERS),
}
FINAL: Final = frozenset({State.DROPPED})
PUBLIC: Final = frozenset({State.PUBLISHED, State.DONE})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.DRAFT: Text("草稿", "Draft"),
    State.PUBLISHED: Text("计划中", "Planned"),
    State.DONE: Text("已完成", "Done"),
    State.DROPPED: Text("已取消", "Dropped"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {
    Step.PUBLISH: Text("列入计划并公布", "Publish in the plan"),
    Step.FINISH: Text("完成", "Done"),
    Step.REOPEN: Text("重新办理", "Take up again"),
    Step.DROP: Text("取消", "Drop"),
}
MACHINE: Final = Machine(Text("开放任务", "task of the open plan"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance


def progress(states: list[State]) -> tuple[int, int]:
    """How many of the plan's tasks are done, of how many; drafts and dropped ones do not count."""
    counted = [state for state in states if state in PUBLIC]
    return counted.count(State.DONE), len(counted)
