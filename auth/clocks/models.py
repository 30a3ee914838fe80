"""What readers get about time, and what callers may send."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import SQLModel

from auth.clocks.rules import Stage
from auth.policy.model import Prose
from core.ids import ApplicationId, OrgId


class ClockRead(SQLModel):
    """One clock. `left_working_days` until due, negative when overdue; empty while it stands still or has ended."""

    stage: Stage
    turn: int
    started_on: date
    allowed_days: int
    used_days: int
    paused_days: int
    due_on: date | None
    ended_on: date | None
    left_working_days: int | None
    is_paused: bool
    is_cancelled: bool
    is_overdue: bool


class ExtensionAsk(BaseModel):
    """More time for the stage that runs now."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    working_days: int = Field(ge=1, le=60)
    reason: Prose = Field(min_length=4, max_length=500)


class ExtensionDecision(BaseModel):
    """The second person's word; a refusal says why."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    outcome: Literal["approve", "refuse"]
    note: Prose = Field(default="", max_length=500)


class ExtensionRead(SQLModel):
    """An extension asked for, and what became of it."""

    id: str
    application_id: ApplicationId
    stage: Stage
    working_days: int
    reason: str
    state: str
    asked_by: str
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None
    note: str


class CaseClocks(SQLModel):
    """The clocks of an application, who has the next word, and what has been asked for."""

    application_id: ApplicationId
    state: str
    next_zh: str
    next_en: str
    clocks: list[ClockRead]
    present: ClockRead | None
    signed_by: str | None
    signed_at: datetime | None
    extensions: list[ExtensionRead]
    escalations: list[dict[str, Any]]
    is_calendar_known: bool


class WaitingCase(SQLModel):
    """A row of the list of what runs or is overdue."""

    application_id: ApplicationId
    org_id: OrgId
    state: str
    stage: Stage
    departments: list[str]
    datasets: list[str]
    submitted_at: datetime | None
    due_on: date
    left_working_days: int
    level: int
    next_zh: str
    next_en: str


class CalendarDayRead(SQLModel):
    """A day set by hand."""

    day: date
    is_working: bool
    note: str


class CalendarDaySet(BaseModel):
    """What a day shall be."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    is_working: bool
    note: Prose = Field(default="", max_length=200)


class CalendarYear(SQLModel):
    """A year: whether its holidays are known, and the days that differ from Monday to Friday."""

    year: int
    is_known: bool
    own: list[CalendarDayRead]
    seed: list[CalendarDayRead]
    working_days: int
