"""The stage plans that a profile may set otherwise, checked: who reviews data of a level, with how many votes, and how many approve."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from auth.policy.model import Prose
from auth.policy.stages import BUSINESS, LevelPlan, StagePlans, StageRule
from auth.roles import Role

_ROLES: Final = {"business": Role.REVIEWER_BUSINESS, "security": Role.REVIEWER_SECURITY}
_SENSITIVE: Final = 3
Votes = Annotated[int, Field(ge=1, le=9)]


class StageEntry(BaseModel):
    """One stage and how many votes of different persons it needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    stage: Literal["business", "security"]
    quorum: Votes

    def rule(self) -> StageRule:
        return StageRule(self.stage, _ROLES[self.stage], self.quorum)


class LevelEntry(BaseModel):
    """What data of one level must pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    level: Annotated[int, Field(ge=1, le=6)]
    stages: Annotated[tuple[StageEntry, ...], Field(min_length=1, max_length=2)]
    approvers: Votes
    distinct_departments: bool = False

    @model_validator(mode="after")
    def _enough(self) -> LevelEntry:
        names = [each.stage for each in self.stages]
        if BUSINESS not in names or len(set(names)) != len(names):
            raise ValueError(f"level {self.level}: the department reviews, and each stage stands once")
        if self.level >= _SENSITIVE and self.approvers < 2:
            raise ValueError(f"level {self.level}: two approvers sign from level {_SENSITIVE} on")
        if self.distinct_departments and self.approvers < 2:
            raise ValueError(f"level {self.level}: one approver comes from one department")
        return self


class StageSet(BaseModel):
    """The plans of every level. A level that is not listed passes the highest one's; `personal`: besides, for personal columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    source: Prose = Field(min_length=4, max_length=500)
    levels: Annotated[tuple[LevelEntry, ...], Field(min_length=1, max_length=6)]
    personal: Annotated[tuple[StageEntry, ...], Field(max_length=2)] = ()

    @model_validator(mode="after")
    def _once(self) -> StageSet:
        known = [each.level for each in self.levels]
        if len(set(known)) != len(known):
            raise ValueError("a level is named twice")
        if max(known) < _SENSITIVE:
            raise ValueError(f"the plans say nothing of level {_SENSITIVE} and above")
        return self

    def plans(self, effective_from: date) -> StagePlans:
        levels = {
            each.level: LevelPlan(
                tuple(stage.rule() for stage in each.stages), each.approvers, each.distinct_departments
            )
            for each in self.levels
        }
        return StagePlans(effective_from, self.source, levels, tuple(each.rule() for each in self.personal))
