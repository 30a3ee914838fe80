"""Numbers of use: added to in the transaction that puts the use on record, and told to everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal

import sqlalchemy
from sqlalchemy import ColumnElement, Date, bindparam, case, func, text
from sqlmodel import SQLModel, col, select

from auth import audit
from auth.actor import Actor
from auth.identity.rules import CHINA
from catalog.tables import DatasetRow
from catalog.use import running
from catalog.use.rules import KINDS, RECENT_DAYS, Kind, is_counted
from catalog.use.running import NAMES
from catalog.use.tables import UseRow, UseTotalRow
from catalog.workflow import State
from core.ids import DatasetId
from core.text import Text
from core.work import Work, fetched

Order = Literal[
    "-downloads", "downloads", "-visits", "visits", "-calls", "calls", "title", "-title", "publisher", "-publisher"
]  # fmt: skip
Seen = Mapping[tuple[str, date], int]
"""Visits by dataset and local day."""
_ADD: Final = text(
    "INSERT INTO catalog_use (dataset_id, day, release_id, kind, number) VALUES (:dataset_id, :day, :release_id, :kind, :number) "
    "ON CONFLICT (dataset_id, day, release_id, kind) DO UPDATE SET number = catalog_use.number + excluded.number"
).bindparams(bindparam("day", type_=Date))
_SUM: Final = {
    kind: text(
        f"INSERT INTO catalog_use_total (dataset_id, visits, downloads, calls) VALUES (:dataset_id, {', '.join(':number' if each == kind else '0' for each in KINDS)}) "  # noqa: S608 - our own names
        f"ON CONFLICT (dataset_id) DO UPDATE SET {kind}s = catalog_use_total.{kind}s + excluded.{kind}s"
    )
    for kind in KINDS
}


class NumbersRead(SQLModel):
    visits: int = 0
    downloads: int = 0
    calls: int = 0


class MonthRead(NumbersRead):
    """`month`: such as 2026-03."""

    month: str


class DayRead(NumbersRead):
    """`release_id`: empty for the dataset's page."""

    day: date
    release_id: str


class LineRead(NumbersRead):
    """One dataset of a list."""

    dataset_id: DatasetId
    title_zh: str
    title_en: str
    publisher: str
    publisher_zh: str
    publisher_en: str


def today(work: Work) -> date:
    return work.now.astimezone(CHINA).date()


def count(
    work: Work, dataset_id: str, kind: Kind, *, release_id: str = "", number: int = 1, day: date | None = None
) -> None:
    """Add to the numbers. Whoever calls has put the use on record in this transaction, so that the log tells the same."""
    at = day or today(work)
    fetched(work, _SUM[kind], dataset_id=dataset_id, number=number)  # first: who holds this row adds alone
    fetched(work, _ADD, dataset_id=dataset_id, day=at, release_id=release_id, kind=kind, number=number)
    running.add(work, dataset_id, at, kind, number)


def visited(work: Work, actor: Actor, seen: Seen) -> None:
    """Add the visits that a server has counted meanwhile; one event tells how many they are."""
    known = _counted(work, sorted({dataset_id for dataset_id, _ in seen}))
    kept = {key: number for key, number in sorted(seen.items()) if key[0] in known}
    if not kept:
        return
    told = {"visits": sum(kept.values()), "datasets": len({dataset_id for dataset_id, _ in kept})}
    audit.record(work, actor, "use.counted", subject="datasets", payload=told)
    for (dataset_id, day), number in kept.items():
        count(work, dataset_id, "visit", number=number, day=day)


def _counted(work: Work, ids: Sequence[str]) -> set[str]:
    """Which of them may be counted now."""
    found: set[str] = set()
    for at in range(0, len(ids), 500):
        wanted = sqlalchemy.select(
            col(DatasetRow.id), col(DatasetRow.state), col(DatasetRow.open_type), col(DatasetRow.data_level)
        ).where(col(DatasetRow.id).in_(ids[at : at + 500]))
        found |= {
            row.id for row in fetched(work, wanted) if is_counted(row.state, row.open_type, row.data_level)
        }
    return found


# -- reading

_IS_COUNTED: Final = sqlalchemy.and_(
    col(DatasetRow.state) == State.PUBLISHED, col(DatasetRow.open_type) == "U", func.coalesce(col(DatasetRow.data_level), 0) <= 1
)  # fmt: skip


def _of_kind(kind: Kind) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((col(UseRow.kind) == kind, col(UseRow.number)), else_=0)), 0)


_NUMBERS: Final = tuple(_of_kind(kind).label(f"{kind}s") for kind in KINDS)


def total_of(*names: str) -> ColumnElement[int]:
    """The sum of these numbers of a record in a query over `DatasetRow`, to sort by; 0 where nothing was counted."""
    wanted = sqlalchemy.select(sum(getattr(UseTotalRow, name) for name in names))
    found = wanted.where(col(UseTotalRow.dataset_id) == col(DatasetRow.id)).scalar_subquery()
    return func.coalesce(found, 0)


def recent_visits(until: date) -> ColumnElement[int]:
    """Visits of a record in the last days, to sort by."""
    wanted = sqlalchemy.select(func.sum(UseRow.number)).where(
        col(UseRow.dataset_id) == col(DatasetRow.id), col(UseRow.kind) == "visit", col(UseRow.day) > until - timedelta(days=RECENT_DAYS)
    )  # fmt: skip
    return func.coalesce(wanted.scalar_subquery(), 0)


def totals(work: Work, ids: Sequence[str]) -> dict[str, NumbersRead]:
    """The sums of several records; what has none is not in it."""
    wanted = select(UseTotalRow).where(col(UseTotalRow.dataset_id).in_(ids))
    return {
        row.dataset_id: NumbersRead(visits=row.visits, downloads=row.downloads, calls=row.calls)
        for row in work.db.exec(wanted)
    }


def recent(work: Work, ids: Sequence[str]) -> dict[str, int]:
    """Visits of several records in the last days."""
    wanted = (
        sqlalchemy.select(col(UseRow.dataset_id), func.sum(UseRow.number))
        .where(col(UseRow.dataset_id).in_(ids), col(UseRow.kind) == "visit", col(UseRow.day) > today(work) - timedelta(days=RECENT_DAYS))
        .group_by(col(UseRow.dataset_id))
    )  # fmt: skip
    return {dataset_id: int(number) for dataset_id, number in map(tuple, fetched(work, wanted))}


def by_day(
    work: Work,
    dataset_id: str,
    since: date | None = None,
    until: date | None = None,
    *,
    releases: bool = True,
) -> list[DayRead]:
    """Day by day, and release by release unless they are taken together; the oldest first."""
    key = (col(UseRow.day), *([col(UseRow.release_id)] if releases else []))
    wanted = (
        sqlalchemy.select(col(UseRow.day), *([col(UseRow.release_id)] if releases else [sqlalchemy.literal("")]), *_NUMBERS)
        .where(col(UseRow.dataset_id) == dataset_id, *_within(since, until)).group_by(*key).order_by(*key)
    )  # fmt: skip
    return [
        DayRead(day=row[0], release_id=row[1], **dict(zip(NAMES, row[2:], strict=True)))
        for row in map(tuple, fetched(work, wanted))
    ]


def by_release(
    work: Work, dataset_id: str, since: date | None = None, until: date | None = None
) -> dict[str, NumbersRead]:
    """The sums of each release; of the dataset's page under the empty name."""
    wanted = (
        sqlalchemy.select(col(UseRow.release_id), *_NUMBERS)
        .where(col(UseRow.dataset_id) == dataset_id, *_within(since, until)).group_by(col(UseRow.release_id))
    )  # fmt: skip
    return {
        row[0]: NumbersRead(**dict(zip(NAMES, row[1:], strict=True)))
        for row in map(tuple, fetched(work, wanted))
    }


def first_day(last: date, number: int = 12) -> date:
    """The first day of that many months, of which the last is that day's. Pure."""
    first = last.year * 12 + last.month - number
    return date(first // 12, first % 12 + 1, 1)


def months(days: Sequence[DayRead], last: date, number: int = 12) -> list[MonthRead]:
    """The last months up to that day's, the oldest first, empty ones too. Pure."""
    first = last.year * 12 + last.month - number
    found = {n: MonthRead(month=f"{n // 12}-{n % 12 + 1:02}") for n in range(first, first + number)}
    for each in days:
        if kept := found.get(each.day.year * 12 + each.day.month - 1):
            kept.visits += each.visits
            kept.downloads += each.downloads
            kept.calls += each.calls
    return list(found.values())


def _within(since: date | None, until: date | None) -> list[ColumnElement[bool]]:
    return [
        *([col(UseRow.day) >= since] if since else []),
        *([col(UseRow.day) <= until] if until else []),
    ]


def listed(
    work: Work, *, since: date | None = None, until: date | None = None, publisher: str = "", order: Order = "-downloads",
    offset: int = 0, limit: int | None = 50,
) -> tuple[list[LineRead], int, NumbersRead]:  # fmt: skip
    """The open datasets that are published, with their numbers in a period; how many there are, and all numbers together."""
    joined, numbers = running.in_period(work, since, until)
    counted = [numbers[name].label(name) for name in NAMES]
    conditions = [_IS_COUNTED, *([col(DatasetRow.publisher) == publisher] if publisher else [])]
    by: dict[str, Any] = {"title": col(DatasetRow.title_key_zh), "publisher": col(DatasetRow.publisher)}
    by |= dict(zip(NAMES, counted, strict=True))
    first = by[order.removeprefix("-")]
    order_by = [first.desc() if order.startswith("-") else first, *(by[name].desc() for name in ("downloads", "visits", "calls"))]  # fmt: skip
    facts = [getattr(DatasetRow, name) for name in ("id", "title_zh", "title_en", "publisher", "publisher_zh", "publisher_en")]  # fmt: skip
    sums = [func.count(), *(func.coalesce(func.sum(each), 0) for each in counted)]
    beside = [each.over() for each in (func.count(), *(func.sum(each) for each in counted))]
    wanted = sqlalchemy.select(*facts, *counted, *beside).select_from(joined).where(*conditions)
    wanted = wanted.order_by(*order_by, col(DatasetRow.id)).offset(offset)
    found = [tuple(row) for row in fetched(work, wanted if limit is None else wanted.limit(limit))]
    if found:
        whole = found[0][9:]
    else:  # beyond the last, or there is none
        whole = tuple(fetched(work, sqlalchemy.select(*sums).select_from(joined).where(*conditions)).one())
    lines = [
        LineRead(
            dataset_id=row[0], title_zh=row[1], title_en=row[2] or row[1], publisher=row[3], publisher_zh=row[4], publisher_en=row[5],
            **dict(zip(NAMES, row[6:9], strict=True)),
        )
        for row in found
    ]  # fmt: skip
    return (
        lines,
        whole[0],
        NumbersRead(**{name: int(each) for name, each in zip(NAMES, whole[1:], strict=True)}),
    )


def publishers(work: Work) -> dict[str, Text]:
    """Whose datasets have numbers."""
    names = (col(DatasetRow.publisher), col(DatasetRow.publisher_zh), col(DatasetRow.publisher_en))
    wanted = sqlalchemy.select(*names).where(_IS_COUNTED).distinct().order_by(names[0])
    return {
        org_id: Text(zh or org_id, en or zh or org_id) for org_id, zh, en in map(tuple, fetched(work, wanted))
    }
