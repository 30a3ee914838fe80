"""What everybody may know of how applications are handled: how many, how many were granted, how long it took, why others were not.

Counted from events, which never change. Nobody is named, and a median of few decisions would be somebody's own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from statistics import median
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import col, select

from auth.applications.tables import ApplicationEventRow
from auth.applications.workflow import Step
from auth.grants.refusals import name_of
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.supervision.disclosure import DECISIONS, refusals, year_span
from core.calendar import counter
from core.work import Work

LEAST: Final = 5


class Refusal(BaseModel):
    """A reason for refusing, and how many lines or applications it stopped."""

    code: str
    zh: str
    en: str
    times: int


class Transparency(BaseModel):
    """One year. `applications`: first submitted in it; `decided`: with a decision in it, the last of them counts; `granted_share`: of those decided;
    `median_working_days`: from the first submission to that decision, None below five decisions."""

    year: int
    applications: int
    decided: int
    granted: int
    refused: int
    granted_share: float | None
    median_working_days: float | None
    refusals: list[Refusal]


def transparency(work: Work, year: int) -> Transparency:
    """The year's figures as the events tell them."""
    begins, ends = year_span(year)
    event = ApplicationEventRow
    first = (
        select(event.application_id, func.min(event.at).label("at"))
        .where(event.step == str(Step.SUBMIT))
        .group_by(col(event.application_id))
    )
    submitted = dict(work.db.exec(first).all())
    decided = (
        select(event.application_id, event.step, event.at)
        .where(col(event.step).in_(DECISIONS), event.at >= begins, event.at < ends)
        .order_by(col(event.application_id), col(event.version))
    )
    last = {key: (step, at.astimezone(LOCAL).date()) for key, step, at in work.db.exec(decided)}
    is_working = counter(work.db)
    took = [
        _working_days(is_working, submitted[key].astimezone(LOCAL).date(), day)
        for key, (_, day) in last.items()
        if key in submitted
    ]
    granted = sum(step == str(Step.OFFER) for step, _ in last.values())
    return Transparency(
        year=year, applications=sum(begins <= at < ends for at in submitted.values()), decided=len(last), granted=granted,
        refused=len(last) - granted, granted_share=granted / len(last) if last else None,
        median_working_days=median(took) if len(took) >= LEAST else None, refusals=_named(refusals(work, begins, ends)),
    )  # fmt: skip


def _working_days(is_working: Callable[[date], bool], start: date, end: date) -> int:
    """Working days after `start`, `end` counted."""
    return sum(is_working(start + timedelta(days=each)) for each in range(1, (end - start).days + 1))


def _named(found: list[dict[str, Any]]) -> list[Refusal]:
    known = limits().refusals
    rows = []
    for each in found:
        code = str(each["code"])
        name = known[code].name if code in known else name_of(code)
        rows.append(Refusal(code=code, zh=name.zh, en=name.en, times=int(each["times"])))
    return sorted(rows, key=lambda row: (-row.times, row.code))
