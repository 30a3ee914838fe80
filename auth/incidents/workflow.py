"""The life of an incident as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from auth.casework.machine import Machine, Move
from auth.roles import Role
from core.text import Text


class Target(StrEnum):
    """What is frozen. An organisation is frozen as holder of grants and, when it is a department, as source of datasets; the
    platform is all of it."""

    DATASET = "dataset"
    GRANT = "grant"
    ORGANISATION = "organisation"
    PLATFORM = "platform"


class State(StrEnum):
    FROZEN = "FROZEN"
    LIFTED = "LIFTED"


class Step(StrEnum):
    LIFT = "lift"


_SECURITY: Final = frozenset({Role.SECURITY_OFFICER})
MOVES: Final[Mapping[tuple[State, Step], Move]] = {
    (State.FROZEN, Step.LIFT): Move(State.LIFTED, _SECURITY),
}
FINAL: Final = frozenset({State.LIFTED})
STATE_NAMES: Final[Mapping[State, Text]] = {
    State.FROZEN: Text("冻结中", "Frozen"),
    State.LIFTED: Text("已解除", "Lifted"),
}
STEP_NAMES: Final[Mapping[Step, Text]] = {Step.LIFT: Text("解除冻结", "Lift the freeze")}
TARGET_NAMES: Final[Mapping[Target, Text]] = {
    Target.DATASET: Text("数据集", "Dataset"),
    Target.GRANT: Text("授权", "Grant"),
    Target.ORGANISATION: Text("机构", "Organisation"),
    Target.PLATFORM: Text("全平台", "Platform"),
}
MACHINE: Final = Machine(Text("应急处置", "incident"), MOVES, STATE_NAMES, STEP_NAMES)
advance = MACHINE.advance
