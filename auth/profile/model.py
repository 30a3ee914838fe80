"""A policy profile as a value, and the limits that it makes of the shipped ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from auth.duties.workflow import Kind
from auth.policy import limits as shipped_limits
from auth.policy.limits import Limit, Limits, Reminded
from auth.policy.model import DeliveryForm, Prose
from auth.policy.stages import StagePlans, stage_plans
from auth.profile.opinions import Opinions, once
from auth.profile.papers import PaperSet
from auth.profile.stages import StageSet

_FOLDER: Final = Path(shipped_limits.__file__).parent / "profiles"
DEFAULT: Final = "generic-open-data"


class Reach(StrEnum):
    """How far an overdue duty stops live use: nowhere, the grant it belongs to, all grants of the organisation on the same dataset, or all of them."""

    NONE = "none"
    GRANT = "grant"
    DATASET = "dataset"
    ORGANISATION = "organisation"


DaysBefore = Annotated[int, Field(ge=1, le=400)]


class Number(BaseModel):
    """A limit that the profile sets otherwise, and where that comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    value: int = Field(ge=0, le=100_000_000)
    source: Prose = Field(min_length=4, max_length=500)


class ReminderDays(BaseModel):
    """Days of reminding that the profile sets otherwise, longest first, and where they come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    days_before: Annotated[tuple[DaysBefore, ...], Field(min_length=1, max_length=12)]
    source: Prose = Field(min_length=4, max_length=500)

    @model_validator(mode="after")
    def _descending(self) -> ReminderDays:
        if any(later >= earlier for earlier, later in pairwise(self.days_before)):
            raise ValueError("提醒日须由多到少、不重复 / days of reminding go down, none twice")
        return self


class Clause(BaseModel):
    """A clause that every agreement must have."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: str = Field(pattern="^[a-z][a-z0-9-]{0,39}$")
    zh: Prose = Field(min_length=1, max_length=100)
    en: Prose = Field(min_length=1, max_length=100)


Level = Annotated[int, Field(ge=1, le=6)]
Checkers = Annotated[int, Field(ge=0, le=2)]


class Profile(BaseModel):
    """Everything a place decides for itself. `forms`: allowed delivery forms by data level, where they differ from the matrix.

    `checkers`: how many people review a file before it leaves, by level and form, where that differs from the matrix; two do
    so without knowing of each other's verdict.

    `agreement`: every grant hangs on an active agreement; `registration`: whether a dataset must be registered first;
    `product_registration`: whether a product needs its registration before anything is charged for it;
    `principles`: whether whoever grants must say what the decision does for the public interest and for fair treatment;
    `reminders`: how many days before an end people are reminded of it, where that differs from what is shipped;
    `stages`: who reviews and approves, where that differs from the plans that are shipped;
    `blocking_duties`: by kind of duty, how far an overdue one stops live use (a kind that is not named stops none);
    `papers`: what applicants hand in, what may follow later and what may be promised instead;
    `opinions`: template opinions for those who review and decide;
    `vouching`: whether whoever uses a grant must be vouched for by the officer of his organisation at that moment;
    `stops_at_odds`: whether decisions and deliveries stand still while the audit record is not what was signed and no officer has acknowledged it;
    `consent`: datasets that came from another department need its consent; `free_for_public`: price 0 for public purposes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: str = Field(pattern="^[a-z][a-z0-9-]{1,59}$")
    zh: Prose = Field(min_length=1, max_length=100)
    en: Prose = Field(min_length=1, max_length=100)
    effective_from: date
    source: Prose = Field(min_length=4, max_length=500)
    agreement: bool
    registration: Literal["off", "encouraged", "required"]
    consent: bool
    free_for_public: bool
    product_registration: Literal["off", "encouraged", "required"] = "encouraged"
    principles: bool = False
    vouching: bool = False
    stops_at_odds: bool = False
    blocking_duties: dict[Kind, Reach] = {Kind.DELETION_CERTIFICATE: Reach.DATASET}
    numbers: dict[str, Number]
    reminders: dict[Reminded, ReminderDays] = {}
    stages: StageSet | None = None
    forms: dict[Level, tuple[DeliveryForm, ...]]
    checkers: dict[Level, dict[DeliveryForm, Checkers]] = {}
    clauses: tuple[Clause, ...]
    papers: PaperSet = PaperSet()
    opinions: Opinions = ()

    @model_validator(mode="after")
    def _known(self) -> Profile:
        unknown = sorted(set(self.numbers) - set(shipped_limits.limits().numbers))
        if unknown:
            raise ValueError(f"unknown limits: {', '.join(unknown)}")
        if len({clause.key for clause in self.clauses}) != len(self.clauses):
            raise ValueError("同一条款列出了两次 / a clause is named twice")
        once(self.opinions)
        return self

    def limits(self) -> Limits:
        """The shipped limits with what this profile sets otherwise."""
        base = shipped_limits.limits()
        numbers: dict[str, Limit] = dict(base.numbers)
        for key, said in self.numbers.items():
            numbers[key] = replace(
                numbers[key], value=said.value, source=said.source, effective_from=self.effective_from
            )
        reminders = dict(base.reminders)
        for which, days in self.reminders.items():
            reminders[which] = replace(
                reminders[which],
                days=days.days_before,
                source=days.source,
                effective_from=self.effective_from,
            )
        levels = dict(base.levels)
        for level, forms in self.forms.items():
            levels[level] = replace(levels[level], forms=frozenset(forms))
        for level, counts in self.checkers.items():
            levels[level] = replace(levels[level], checkers_by_form=counts)
        return replace(base, numbers=numbers, levels=levels, reminders=reminders)

    def stage_plans(self) -> StagePlans:
        """The shipped stage plans, or those that this profile sets instead."""
        return self.stages.plans(self.effective_from) if self.stages else stage_plans()


@cache
def shipped() -> dict[str, Profile]:
    """The profiles that come with the program, by key."""
    found = [
        Profile.model_validate_json(path.read_text(encoding="utf-8"))
        for path in sorted(_FOLDER.glob("*.json"))
    ]
    return {each.key: each for each in found}
