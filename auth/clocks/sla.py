"""The profile of clocks: working days of each stage and levels of escalation, as the limits of a policy profile make them.

The numbers are the profile's. What stands here is not a bureau's to set: which limit a stage reads, and who is told at a level.
A level's people must be able to open the case and to act on it, so they follow from the roles that the bureau's steps have; a
profile says when they are told, not who.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.clocks.rules import Sla, Stage
from auth.policy.limits import Limits
from auth.roles import Role
from core.text import Text

HANDLER: Final = "handler"
EXTENSION: Final = "extension_working_days"
LEAST_AFTER_PAUSE: Final = "least_after_pause_working_days"
LIMIT_OF: Final[Mapping[Stage, str]] = {
    Stage.SIGN: "sign_working_days",
    Stage.SCREEN: "screen_working_days",
    Stage.REVIEW: "review_working_days",
    Stage.DECIDE: "decide_working_days",
}
_PARTS: Final = (Stage.SCREEN, Stage.REVIEW, Stage.DECIDE)
_OF_ITS_PARTS: Final = "各环节之和 · the sum of its stages"
ESCALATION: Final[tuple[tuple[int, Text, str, tuple[str, ...]], ...]] = (
    (1, Text("经办", "Case handler"), "escalate_handler_working_days", (HANDLER,)),
    (2, Text("科室", "Section"), "escalate_section_working_days", (Role.APPROVER,)),
    (3, Text("局领导", "Head of the bureau"), "escalate_head_working_days", (Role.APPROVER, Role.SECURITY_OFFICER)),
)  # fmt: skip
LEVEL_NAMES: Final[Mapping[int, Text]] = {level: name for level, name, _, _ in ESCALATION}


@dataclass(frozen=True, slots=True)
class StageLimit:
    """A row of the profile as people read it."""

    stage: Stage
    working_days: int
    source: str
    effective_from: date


@dataclass(frozen=True, slots=True)
class Level:
    """A level of escalation: who is told when a clock has been overdue for so many working days.

    `roles`: `handler` stands for whoever has the next word.
    """

    level: int
    name: Text
    after_working_days: int
    roles: tuple[str, ...]
    source: str
    effective_from: date


def rows(limits: Limits) -> tuple[StageLimit, ...]:
    """Every stage with its working days; the whole handling has those of its parts."""
    return tuple(_row(stage, limits) for stage in Stage)


def _row(stage: Stage, limits: Limits) -> StageLimit:
    if stage is Stage.HANDLE:
        parts = [_row(part, limits) for part in _PARTS]
        since = max(part.effective_from for part in parts)
        return StageLimit(stage, sum(part.working_days for part in parts), _OF_ITS_PARTS, since)
    limit = limits.numbers[LIMIT_OF[stage]]
    return StageLimit(stage, limit.value, limit.source, limit.effective_from)


def sla(limits: Limits) -> Sla:
    """What the pure functions count with, for a clock that starts under these limits."""
    return Sla({row.stage: row.working_days for row in rows(limits)}, limits[LEAST_AFTER_PAUSE])


def levels(limits: Limits) -> tuple[Level, ...]:
    """Levels of escalation, lowest first."""
    return tuple(
        Level(level, name, limit.value, roles, limit.source, limit.effective_from)
        for level, name, key, roles in ESCALATION
        for limit in [limits.numbers[key]]
    )
