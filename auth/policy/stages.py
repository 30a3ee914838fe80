"""The stage plan of each level of data: who reviews, how many votes a stage needs, how many approve. Data, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from auth.roles import Role

BUSINESS: Final = "business"
SECURITY: Final = "security"
DECISION: Final = "decision"


@dataclass(frozen=True, slots=True)
class StageRule:
    """One stage that data of a level must pass: whose role, and how many votes of different persons."""

    stage: str
    role: Role
    quorum: int


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """What data of one level must pass: reviews, then `approvers` persons, of different departments where it says so."""

    stages: tuple[StageRule, ...]
    approvers: int
    distinct_departments: bool


@dataclass(frozen=True, slots=True)
class StagePlans:
    """The plans in force. A level that is not listed passes the strictest."""

    effective_from: date
    source: str
    levels: Mapping[int, LevelPlan]
    personal: tuple[StageRule, ...]

    def of(self, level: int) -> LevelPlan:
        return self.levels[level if level in self.levels else max(self.levels)]


def _rules(entries: list[dict[str, Any]]) -> tuple[StageRule, ...]:
    return tuple(StageRule(each["stage"], Role(each["role"]), int(each["quorum"])) for each in entries)


@cache
def stage_plans() -> StagePlans:
    content = json.loads((Path(__file__).parent / "stages.json").read_text(encoding="utf-8"))
    return StagePlans(
        date.fromisoformat(content["effective_from"]),
        content["source"],
        {
            row["level"]: LevelPlan(_rules(row["stages"]), row["approvers"], row["distinct_departments"])
            for row in content["levels"]
        },
        _rules(content["personal"]),
    )
