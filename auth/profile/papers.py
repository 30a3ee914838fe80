"""The papers that a profile asks applicants for: which, from which level, whether one may follow later or be promised instead."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from auth.policy.model import Prose

WorkingDays = Annotated[int, Field(ge=1, le=60)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Wording(_Part):
    """A text that people sign, in both languages."""

    zh: Prose = Field(min_length=10, max_length=2000)
    en: Prose = Field(min_length=10, max_length=2000)


class PaperRule(_Part):
    """One paper. `personal`: only where a line needs the security review, that is for columns about persons and at a high level; `later_working_days`: how long it may follow after screening (容缺), none: it may not; `promise`: the commitment that may
    be signed instead (告知承诺), none: it may not be.
    """

    key: str = Field(pattern="^[a-z][a-z0-9-]{1,39}$")
    zh: Prose = Field(min_length=1, max_length=100)
    en: Prose = Field(min_length=1, max_length=100)
    from_level: int = Field(default=1, ge=1, le=6)
    personal: bool = False
    later_working_days: WorkingDays | None = None
    promise: Wording | None = None
    effective_from: date
    source: Prose = Field(min_length=4, max_length=500)


class PaperSet(_Part):
    """All of them. `overdue`: what becomes of an application whose paper did not follow in time; `reopened_working_days`: how long a paper may
    take once its commitment turned out broken; `broken_bars_months`: how long nobody of that organisation may promise again.
    """

    overdue: Literal["return", "lapse"] = "return"
    reopened_working_days: WorkingDays = 5
    broken_bars_months: int = Field(default=12, ge=0, le=120)
    items: Annotated[tuple[PaperRule, ...], Field(max_length=40)] = ()

    @model_validator(mode="after")
    def _once(self) -> PaperSet:
        if len({each.key for each in self.items}) != len(self.items):
            raise ValueError("a paper is named twice")
        return self

    def required(self, level: int, on: date, *, personal: bool) -> tuple[PaperRule, ...]:
        """What an application on data of this level needs on that day; `personal`: a line needs the security review."""
        return tuple(
            each
            for each in self.items
            if each.from_level <= level and each.effective_from <= on and (personal or not each.personal)
        )
