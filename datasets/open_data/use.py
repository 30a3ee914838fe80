"""How often an open dataset is used, with the numbers of its releases."""

from __future__ import annotations

from datetime import date

from sqlmodel import SQLModel

from auth.actor import Actor
from catalog import queries as catalogue
from catalog.tables import DatasetRow
from catalog.use import service
from catalog.use.rules import is_counted
from catalog.use.service import DayRead, MonthRead, NumbersRead, today
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets.releases.queries import releases_of


class ReleaseUseRead(NumbersRead):
    """The numbers of one release."""

    release_id: str
    number: int


class UseRead(NumbersRead):
    """Of one dataset: all numbers of the period, the last twelve months, each release (the newest first), each day on which something was
    counted."""

    dataset_id: str
    since: date | None
    until: date | None
    months: list[MonthRead]
    releases: list[ReleaseUseRead]
    days: list[DayRead]


class SumsRead(SQLModel):
    """A page of datasets with their numbers; `sums`: of all of them, shown here or not."""

    items: list[service.LineRead]
    total: int
    next: int | None
    sums: NumbersRead


def has_numbers(row: DatasetRow) -> bool:
    return is_counted(row.state, row.open_type, row.data_level)


def use_of(
    work: Work, actor: Actor, dataset_id: str, since: date | None = None, until: date | None = None, *, days: bool = True
) -> UseRead:  # fmt: skip
    """`days`: with the list of days. NotFound for data that are not open to all: what is done under grants stands in the ledger, which is not public."""
    row = catalogue.dataset(work, actor, dataset_id)
    if not has_numbers(row):
        raise NotFound(
            Text(
                f"{dataset_id} 不是无条件开放的数据，没有公开的使用次数；授权使用见台账。",
                f"{dataset_id} is not open without condition, so no numbers of its use are public; use under grants stands in the ledger.",
            )
        )
    of_release = service.by_release(work, dataset_id, since, until)
    whole = NumbersRead()
    for sums in of_release.values():
        _add(whole, sums)
    releases = [
        ReleaseUseRead(release_id=each.id, number=each.number, **of_release.get(each.id, NumbersRead()).model_dump())
        for each in releases_of(work, dataset_id)
    ]  # fmt: skip
    last = min(until, today(work)) if until else today(work)
    first = max(filter(None, (since, service.first_day(last))))
    return UseRead(
        dataset_id=row.id, since=since, until=until, releases=releases,
        months=service.months(service.by_day(work, dataset_id, first, last, releases=False), last),
        days=service.by_day(work, dataset_id, since, until) if days else [], **whole.model_dump(),
    )  # fmt: skip


def _add(sums: NumbersRead, more: NumbersRead) -> None:
    sums.visits += more.visits
    sums.downloads += more.downloads
    sums.calls += more.calls
