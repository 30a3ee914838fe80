"""Reading the usage ledger: filtered lists for those who watch, the same as a file, and sums over it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import ColumnElement, func
from sqlmodel import col, select

from auth import audit
from auth.actor import Actor
from auth.applications.rules import period
from auth.grants.ledger import KINDS
from auth.grants.tables import GrantRow, UsageEventRow, UsageMonthRow
from auth.identity.tables import AccountRow, OrganisationRow, PersonRow
from core.errors import InputRefused
from core.text import Text, number_of
from core.work import Work

_FIRST: Final = date(2000, 1, 1)
_LAST: Final = date(2999, 12, 31)
LARGEST_FILE: Final = 500_000
UNITS: Final = ("extracts", "rows", "bytes", "sent_bytes", "epsilon_micro")


class Line(BaseModel):
    """One line of the ledger, with the names that its ids had when it was read."""

    id: str
    at: datetime
    kind: str
    grant_id: str
    org_id: str
    org_zh: str
    org_en: str
    dataset_id: str
    title_zh: str
    title_en: str
    person_zh: str
    person_en: str
    account: str
    origin: str
    release_id: str
    release_number: int | None
    purpose: str
    scenario_id: str
    form: str
    columns: list[str]
    filter_hash: str
    extracts: int
    rows: int
    bytes: int
    sent_bytes: int
    epsilon_micro: int
    duration_ms: int | None
    subject: str
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Wish:
    """What lines are wanted; what is empty does not filter. `since` counts, `until` does not."""

    kind: str = ""
    grant_id: str = ""
    org_id: str = ""
    dataset_id: str = ""
    account: str = ""
    purpose: str = ""
    scenario_id: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        pairs = (
            (UsageEventRow.kind, self.kind), (UsageEventRow.grant_id, self.grant_id),
            (UsageEventRow.org_id, self.org_id), (UsageEventRow.dataset_id, self.dataset_id),
            (UsageEventRow.account, self.account), (UsageEventRow.purpose, self.purpose),
            (UsageEventRow.scenario_id, self.scenario_id),
        )  # fmt: skip
        found = [col(column) == value for column, value in pairs if value]
        if self.since:
            found.append(col(UsageEventRow.at) >= self.since)
        if self.until:
            found.append(col(UsageEventRow.at) < self.until)
        return found


SORTS: Final = {
    "at": col(UsageEventRow.at),
    "rows": col(UsageEventRow.rows),
    "bytes": col(UsageEventRow.bytes),
    "sent": col(UsageEventRow.sent_bytes),
}


def of_grant(grant_id: str, kind: str, since: date | None, until: date | None) -> Wish:
    """The lines of one grant, of a kind, from the day `since` to the day `until`; local days, both count. InputRefused for an unknown
    kind, and for a day at the edge of the calendar."""
    if kind and kind not in KINDS:
        raise InputRefused(
            Text(f"没有这个种类：{kind}；可用：{'、'.join(KINDS)}。", f"There is no kind {kind}; there are {', '.join(KINDS)}."), field="kind"
        )  # fmt: skip
    for name, day in (("since", since), ("until", until)):
        if day is not None and not _FIRST <= day <= _LAST:
            raise InputRefused(
                Text(f"日期应在 {_FIRST} 与 {_LAST} 之间。", f"A day lies between {_FIRST} and {_LAST}."),
                field=name,
            )
    return Wish(
        kind=kind, grant_id=grant_id,
        since=period(since, since)[0] if since else None, until=period(until, until)[1] if until else None,
    )  # fmt: skip


class Sums(BaseModel):
    """What lines add up to."""

    lines: int
    extracts: int
    rows: int
    bytes: int
    sent_bytes: int
    epsilon_micro: int


def lines(
    work: Work, wish: Wish, *, sort: str = "-at", offset: int = 0, limit: int = 50
) -> tuple[list[Line], Sums]:
    """Lines, newest first unless sorted otherwise, and what all that match add up to."""
    order = SORTS.get(sort.removeprefix("-"), col(UsageEventRow.at))
    ordered = (order.desc() if sort.startswith("-") else order.asc(), col(UsageEventRow.id).desc())
    wanted = select(UsageEventRow).where(*wish.conditions()).order_by(*ordered).offset(offset).limit(limit)
    return _named(work, list(work.db.exec(wanted))), sums(work, wish)


def rows(work: Work, wish: Wish, *, offset: int = 0, limit: int = 50) -> tuple[list[UsageEventRow], Sums]:
    """Lines as they are stored, oldest first, and what all that match add up to."""
    wanted = select(UsageEventRow).where(*wish.conditions()).offset(offset).limit(limit)
    ordered = wanted.order_by(col(UsageEventRow.at), col(UsageEventRow.id))
    return list(work.db.exec(ordered)), sums(work, wish)


def months(work: Work, grant_id: str) -> list[UsageMonthRow]:
    """What the grant used in each local month in which something happened, oldest first."""
    wanted = select(UsageMonthRow).where(UsageMonthRow.grant_id == grant_id)
    return list(work.db.exec(wanted.order_by(col(UsageMonthRow.month))))


def sums(work: Work, wish: Wish) -> Sums:
    totals = [func.coalesce(func.sum(col(getattr(UsageEventRow, unit))), 0) for unit in UNITS]
    row = work.db.execute(
        select(func.count(), *totals).select_from(UsageEventRow).where(*wish.conditions())
    ).one()
    return Sums(**dict(zip(("lines", *UNITS), (int(value) for value in row), strict=True)))


def taken_out(work: Work, actor: Actor, wish: Wish, form: str) -> Iterator[Line]:
    """Every line that matches, oldest first, for a file. That it was taken out is an event. InputRefused when it is too long."""
    if (found := sums(work, wish)).lines > LARGEST_FILE:
        raise InputRefused(
            Text(
                f"共 {found.lines} 行，一个文件至多 {LARGEST_FILE} 行；请缩短时段。",
                f"{number_of(found.lines, 'lines')}; a file holds {LARGEST_FILE} at most. Choose a shorter period.",
            )
        )
    asked = {name: _plain(getattr(wish, name)) for name in wish.__slots__ if getattr(wish, name)}
    named = select(AccountRow.person_id).where(AccountRow.username == wish.account)
    audit.record(
        work, actor, "usage.exported", subject="usage", payload={"form": form, "filter": asked, "lines": found.lines},
        about={"account": work.db.exec(named).first() or ""},
    )  # fmt: skip
    return _stream(work, wish)


def _stream(work: Work, wish: Wish) -> Iterator[Line]:
    wanted = (
        select(UsageEventRow)
        .where(*wish.conditions())
        .order_by(col(UsageEventRow.at), col(UsageEventRow.id))
        .execution_options(yield_per=1000)
    )
    for part in work.db.exec(wanted).partitions(1000):
        yield from _named(work, list(part))


def _plain(value: Any) -> Any:  # noqa: ANN401 - a filter's value
    return value.isoformat() if isinstance(value, datetime) else value


def _named(work: Work, rows: list[UsageEventRow]) -> list[Line]:
    """The lines with names; three look-ups for however many."""
    orgs = _names(work, OrganisationRow, {row.org_id for row in rows})
    people = _names(work, PersonRow, {row.person_id for row in rows})
    ids = {row.grant_id for row in rows}
    titles = {
        grant_id: (zh, en)
        for grant_id, zh, en in work.db.exec(
            select(GrantRow.id, GrantRow.title_zh, GrantRow.title_en).where(col(GrantRow.id).in_(ids))
        )
    }
    return [_line(row, orgs, people, titles) for row in rows]


_Names = dict[str, tuple[str, str]]


def _names(work: Work, table: Any, ids: set[str]) -> _Names:  # noqa: ANN401 - a table with names
    wanted = select(table.id, table.name_zh, table.name_en).where(col(table.id).in_(ids))
    return {each: (zh, en) for each, zh, en in work.db.exec(wanted)}


def _line(row: UsageEventRow, orgs: _Names, people: _Names, titles: _Names) -> Line:
    org, title = orgs.get(row.org_id, ("", "")), titles.get(row.grant_id, ("", ""))
    person = people.get(row.person_id, ("", ""))
    return Line(
        org_zh=org[0], org_en=org[1], title_zh=title[0], title_en=title[1], person_zh=person[0], person_en=person[1],
        columns=json.loads(row.columns), reasons=json.loads(row.reasons),
        **row.model_dump(exclude={"columns", "reasons", "person_id"}),
    )  # fmt: skip
