"""The course of quality: written once a day by the worker from what is stored, read by everybody.

Only published records of the department itself count, so that nothing is told but what each record's page says already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, Literal

import sqlalchemy
from sqlalchemy import ColumnElement
from sqlmodel import SQLModel, col, func, select

from auth.actor import ANYONE
from auth.identity.organisations import names as org_names
from auth.identity.organisations import organisation
from auth.identity.rules import CHINA
from catalog.scores import rules as score_rules
from catalog.scores import service as scores
from catalog.tables import DatasetRow
from catalog.workflow import State
from core.errors import NotFound
from core.ids import OrgId
from core.text import Text
from core.work import Work, hold
from datasets import verdicts
from datasets.releases.tables import ReleaseRow
from datasets.releases.workflow import PUBLIC, ReleaseState
from datasets.trends import rules
from datasets.trends.tables import QualityDayRow
from quality.tables import VerdictRow

By = Literal["month", "day"]
_RATE: Final[Any] = VerdictRow.result["statistics"]["success_percent"].as_float()
_PERIOD: Final = timedelta(days=183)


class TrendPoint(SQLModel):
    """One day. `points` of `maximum` points, `filled` 0–1, `quality` and `pass_rate` 0–100; None: not known of that day."""

    day: date
    records: int | None
    points: float | None
    filled: float | None
    releases: int
    quality: float | None
    pass_rate: float | None


class TrendRead(SQLModel):
    """A department's course, oldest first."""

    publisher: OrgId
    publisher_zh: str
    publisher_en: str
    maximum: int
    items: list[TrendPoint]


class StandingRead(TrendPoint):
    """How a department stands, and how far it came since `since`, the first day known within half a year; None: not comparable."""

    publisher: OrgId
    publisher_zh: str
    publisher_en: str
    since: date
    points_change: float | None
    quality_change: float | None
    pass_rate_change: float | None


def today(work: Work) -> date:
    return work.now.astimezone(CHINA).date()


def is_due(work: Work) -> bool:
    """Whether there are published records and nothing is written down of today."""
    if work.db.exec(select(QualityDayRow.org_id).where(QualityDayRow.day == today(work)).limit(1)).first():
        return False
    return work.db.exec(select(DatasetRow.id).where(*_own()).limit(1)).first() is not None


def measure(work: Work) -> list[QualityDayRow]:
    """How every department stands today, and the months' ends before its first look as far as its releases tell. Writes nothing."""
    known = set(work.db.exec(select(QualityDayRow.org_id).distinct()))
    in_force = _in_force(work)
    found = []
    for org, means in scores.means(work).items():
        quality, rate, count = in_force.get(org, (None, None, 0))
        found.append(
            QualityDayRow(
                org_id=org, day=today(work), records=means.records, points=means.points, filled=means.filled,
                releases=count, quality=quality, pass_rate=rate,
            )
        )  # fmt: skip
        if org not in known:
            found += _past(work, org)
    return found


def keep(work: Work, rows: Sequence[QualityDayRow]) -> int:
    """Write down what was measured, unless another look did; returns the number of departments."""
    day = today(work)
    hold(work, "datasets/quality-day")
    if work.db.exec(select(QualityDayRow.org_id).where(QualityDayRow.day == day).limit(1)).first():
        return 0
    work.db.add_all(rows)
    work.db.flush()
    return sum(row.day == day for row in rows)


def trend(
    work: Work, publisher: str, *, since: date | None = None, until: date | None = None, by: By = "month"
) -> TrendRead:
    """One department's days, or the last known day of each month. Raises NotFound."""
    if not _has_published(work, publisher):
        raise NotFound(
            Text("没有这个部门，或它还没有公开的数据集；请从部门列表查找。", "There is no such department, or it has published nothing yet; look at the list of departments.")
        )  # fmt: skip
    return course(work, publisher, since=since, until=until, by=by)


def course(
    work: Work, publisher: str, *, since: date | None = None, until: date | None = None, by: By = "month"
) -> TrendRead:
    """The same of a department that is known to be shown; empty where it has only harvested records."""
    org = organisation(work, publisher)
    wanted = select(QualityDayRow).where(QualityDayRow.org_id == publisher)
    if since:
        wanted = wanted.where(col(QualityDayRow.day) >= since)
    if until:
        wanted = wanted.where(col(QualityDayRow.day) <= until)
    rows = list(work.db.exec(wanted.order_by(col(QualityDayRow.day))))
    shown = rules.by_month([row.day for row in rows]) if by == "month" else {row.day for row in rows}
    return TrendRead(
        publisher=OrgId(publisher), publisher_zh=org.name.zh, publisher_en=org.name.en, maximum=score_rules.MAXIMUM,
        items=[TrendPoint.model_validate(row.model_dump(exclude={"org_id"})) for row in rows if row.day in shown],
    )  # fmt: skip


def standings(work: Work) -> list[StandingRead]:
    """Every department on the newest day known, with its change since the first day known within half a year."""
    newest = work.db.exec(select(func.max(QualityDayRow.day))).one()
    if newest is None:
        return []
    last = {row.org_id: row for row in work.db.exec(select(QualityDayRow).where(QualityDayRow.day == newest))}
    begins = (
        select(QualityDayRow.org_id, func.min(QualityDayRow.day).label("day"))
        .where(col(QualityDayRow.day) >= newest - _PERIOD)
        .group_by(QualityDayRow.org_id)
        .subquery()
    )
    joined = select(QualityDayRow).join(
        begins, (col(QualityDayRow.org_id) == begins.c.org_id) & (col(QualityDayRow.day) == begins.c.day)
    )
    first = {row.org_id: row for row in work.db.exec(joined)}
    names = org_names(work)
    found = []
    for org, row in sorted(last.items()):
        then = first[org]
        found.append(
            StandingRead(
                **row.model_dump(exclude={"org_id"}), publisher=OrgId(org), publisher_zh=names[org].zh, publisher_en=names[org].en,
                since=then.day, points_change=_change(then.points, row.points), quality_change=_change(then.quality, row.quality),
                pass_rate_change=_change(then.pass_rate, row.pass_rate),
            )
        )  # fmt: skip
    return found


def _change(before: float | None, after: float | None) -> float | None:
    return round(after - before, 2) if before is not None and after is not None else None


def _own() -> tuple[ColumnElement[bool], ...]:
    return col(DatasetRow.state) == State.PUBLISHED, col(DatasetRow.foreign_from) == ""


def _has_published(work: Work, publisher: str) -> bool:
    if not (publisher.isascii() and publisher.isprintable()):
        return False
    return (
        work.db.exec(select(DatasetRow.id).where(*_own(), DatasetRow.publisher == publisher).limit(1)).first()
        is not None
    )


def _in_force(work: Work) -> Mapping[str, tuple[float | None, float | None, int]]:
    """By department: means of score and of rules fulfilled over the current releases of its published records, and how many there are."""
    wanted = (
        sqlalchemy.select(col(DatasetRow.publisher), col(DatasetRow.quality_score), _RATE)
        .join(ReleaseRow, col(ReleaseRow.dataset_id) == col(DatasetRow.id))
        .join(VerdictRow, col(VerdictRow.id) == col(ReleaseRow.verdict_id))
        .where(*_own(), col(ReleaseRow.state) == ReleaseState.PUBLISHED)
    )
    found: dict[str, list[tuple[float | None, float | None]]] = defaultdict(list)
    for org, score, rate in work.db.execute(wanted):
        found[org].append((score, rate))
    return {
        org: (rules.mean(score for score, _ in held), rules.mean(rate for _, rate in held), len(held))
        for org, held in found.items()
    }


def _past(work: Work, org: str) -> list[QualityDayRow]:
    """The ends of the months before today in which releases were in force, by what their verdicts said."""
    held: list[rules.InForce] = []
    for dataset_id in work.db.exec(select(DatasetRow.id).where(*_own(), DatasetRow.publisher == org)):
        said = {each.number: each for each in verdicts.points(work, ANYONE, dataset_id)}
        wanted = select(ReleaseRow).where(
            ReleaseRow.dataset_id == dataset_id, col(ReleaseRow.state).in_(PUBLIC)
        )
        for row in work.db.exec(wanted):
            if row.published_at is not None and (point := said.get(row.number)) is not None:
                ends = min((each for each in (row.superseded_at, row.withdrawn_at) if each), default=None)
                held.append(rules.InForce(row.published_at, ends, point.score, point.success_percent))
    if not held:
        return []
    first = min(each.begins for each in held).astimezone(CHINA).date()
    found = []
    for day in rules.month_ends(first, today(work)):
        means = rules.at(datetime.combine(day, time.max, CHINA), held)
        if means.releases:
            found.append(
                QualityDayRow(org_id=org, day=day, releases=means.releases, quality=means.quality, pass_rate=means.pass_rate)
            )  # fmt: skip
    return found
