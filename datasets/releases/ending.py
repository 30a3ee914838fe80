"""What retention ends soon: superseded releases that nothing but their age keeps, over all datasets that have a rule."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from sqlmodel import SQLModel, col, select

from auth.actor import Actor
from auth.clocks.counting import day_of
from catalog.assets import asset
from core.work import Work
from datasets.releases.retention import RETIRE, YOUNG, kept_until, plan
from datasets.releases.tables import RetentionRow

WITHIN: Final = 90
"""Days ahead that a look covers unless it asks for others."""
LONGEST: Final = 36_500


class EndingRead(SQLModel):
    """A release whose time is measured out: `ends_on` is the day its age keeps it no more, past where it may go already.
    `by_clock`: it is retired then, or a month after that was announced where that is later; else a person does so."""

    release_id: str
    dataset_id: str
    title_zh: str
    title_en: str
    number: int
    size_bytes: int | None
    superseded_at: datetime | None
    ends_on: date
    by_clock: bool


def soon(work: Work, actor: Actor, within_days: int) -> list[EndingRead]:
    """What ends within so many days, soonest first, of the datasets whose retention the actor keeps. Releases that extracts
    cite or that are among the last ones do not end."""
    until = day_of(work.now) + timedelta(days=within_days)
    found = []
    for rule in work.db.exec(select(RetentionRow).order_by(col(RetentionRow.dataset_id))).all():
        held = asset(work, rule.dataset_id)
        if not actor.may_in(RETIRE, held.org_id):
            continue
        for row, reasons in plan(work, rule.dataset_id, rule):
            ends = kept_until(row.superseded_at, rule)
            if ends is None or day_of(ends) > until or {each.code for each in reasons} - {YOUNG}:
                continue
            found.append(
                EndingRead(
                    release_id=row.id, dataset_id=row.dataset_id, title_zh=held.title.zh, title_en=held.title.en,
                    number=row.number, size_bytes=row.size_bytes, superseded_at=row.superseded_at, ends_on=day_of(ends),
                    by_clock=rule.by_clock,
                )
            )  # fmt: skip
    return sorted(found, key=lambda each: (each.ends_on, each.dataset_id, each.number))
