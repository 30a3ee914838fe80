"""The supervision dashboard: what was taken by month, dataset and enterprise, and the grants that want a look.

Everything is read from the ledger's monthly sums and the grants themselves; nothing adds up single lines.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import col, select

from auth.grants import dormancy, in_force
from auth.grants.ledger import REFUSED
from auth.grants.stored import read_by_name
from auth.grants.tables import GrantRow, UsageColumnRow, UsageEventRow, UsageMonthRow
from auth.identity.tables import OrganisationRow
from auth.policy.filters.rules import LOCAL
from core.work import Work

_SUMS: Final = ("extracts", "rows", "bytes", "sent_bytes", "deliveries", "downloads", "refusals")


class Taken(BaseModel):
    """What was taken under one heading: a month, a dataset or an enterprise."""

    key: str
    name_zh: str
    name_en: str
    extracts: int
    rows: int
    bytes: int
    sent_bytes: int
    deliveries: int
    downloads: int
    refusals: int


class Watched(BaseModel):
    """A grant that wants a look, and why. `columns`: those that are granted and were not read."""

    grant_id: str
    org_id: str
    org_zh: str
    org_en: str
    dataset_id: str
    title_zh: str
    title_en: str
    state: str
    ends_at: datetime
    last_delivery_month: str | None
    columns: list[str] = []


class Refused(BaseModel):
    """How often a rule stood against a request in the period."""

    code: str
    times: int


class Dashboard(BaseModel):
    """The period's figures and the lists of now. `first` and `last` are local months.

    `idle_share`: of the grants in force or asleep, the part that nobody uses (dormant, or suspended for want of use); None without any.
    """

    first: str
    last: str
    live_grants: int
    idle_grants: int
    idle_share: float | None
    enterprises: int
    total: Taken
    months: list[Taken]
    datasets: list[Taken]
    orgs: list[Taken]
    dormant: list[Watched]
    asleep: list[Watched]
    over_broad: list[Watched]
    ending: list[Watched]
    refused: list[Refused]
    thresholds: dict[str, int]


@cache
def thresholds() -> dict[str, int]:
    """Days after which a grant is dormant, a column unread, an end near."""
    found: dict[str, int] = json.loads(Path(__file__).with_name("thresholds.json").read_text())
    return found


def months_of(first: str, last: str) -> list[str]:
    """Every month from `first` to `last`, both counted."""
    year, month = int(first[:4]), int(first[5:])
    found = []
    while (word := f"{year:04d}-{month:02d}") <= last:
        found.append(word)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return found


def span(month: str) -> tuple[datetime, datetime]:
    """The local month's first instant, and the next one's."""
    year, number = int(month[:4]), int(month[5:])
    following = (year + 1, 1) if number == 12 else (year, number + 1)
    return datetime(year, number, 1, tzinfo=LOCAL), datetime(*following, 1, tzinfo=LOCAL)


def a_year_to(now: datetime) -> tuple[str, str]:
    """The local month of `now` and the eleven before."""
    here = now.astimezone(LOCAL)
    first = date(here.year - (here.month < 12), here.month % 12 + 1, 1)
    return first.strftime("%Y-%m"), here.strftime("%Y-%m")


def dashboard(work: Work, first: str, last: str) -> Dashboard:
    """What the watchers see. Months are local, both counted."""
    orgs = {row.id: (row.name_zh, row.name_en) for row in work.db.exec(select(OrganisationRow))}
    grants = {row.id: row for row in work.db.exec(select(GrantRow))}
    sums = _sums(work, first, last)
    live = [row for row in grants.values() if in_force.is_in_use(row, work.now)]
    parts: dict[str, dict[str, Counter[str]]] = {"dataset": {}, "org": {}, "month": {}, "total": {}}
    for row in sums:
        grant = grants[row.grant_id]
        keys = {"dataset": grant.dataset_id, "org": grant.org_id, "month": row.month, "total": "total"}
        for part, key in keys.items():
            held = parts[part].setdefault(key, Counter())
            for unit in _SUMS:
                held[unit] += getattr(row, unit)
    titles = {row.dataset_id: (row.title_zh, row.title_en) for row in grants.values()}
    months = months_of(first, last)
    lists = _watched(work, live, orgs)
    idle, every = len(lists["dormant"]) + len(lists["asleep"]), len(live) + len(lists["asleep"])
    return Dashboard(
        first=first, last=last, live_grants=len(live), idle_grants=idle, idle_share=idle / every if every else None,
        enterprises=sum(held["deliveries"] > 0 for held in parts["org"].values()),
        total=_taken("total", ("合计", "Total"), parts["total"].get("total", Counter())),
        months=[_taken(month, (month, month), parts["month"].get(month, Counter())) for month in months],
        datasets=_top(parts["dataset"], titles), orgs=_top(parts["org"], orgs),
        refused=_refusals(work, first, last), thresholds=thresholds(), **lists,
    )  # fmt: skip


def _sums(work: Work, first: str, last: str) -> list[UsageMonthRow]:
    wanted = select(UsageMonthRow).where(col(UsageMonthRow.month).between(first, last))
    return list(work.db.exec(wanted))


def _taken(key: str, name: tuple[str, str], held: Counter[str]) -> Taken:
    return Taken(key=key, name_zh=name[0], name_en=name[1], **{unit: held[unit] for unit in _SUMS})


def _top(parts: dict[str, Counter[str]], names: dict[str, tuple[str, str]]) -> list[Taken]:
    """Those that took most bytes first; of those that took none, the most refused."""
    order = sorted(parts.items(), key=lambda each: (-each[1]["bytes"], -each[1]["refusals"], each[0]))
    return [_taken(key, names.get(key, (key, key)), held) for key, held in order]


def _watched(work: Work, live: list[GrantRow], orgs: dict[str, tuple[str, str]]) -> dict[str, list[Watched]]:
    limits = thresholds()
    newest = (
        select(UsageMonthRow.grant_id, func.max(UsageMonthRow.month))
        .where(UsageMonthRow.deliveries > 0)
        .group_by(col(UsageMonthRow.grant_id))
    )
    last_month: dict[str, str] = dict(work.db.exec(newest).all())
    reads: dict[str, dict[str, datetime]] = {}
    for row in work.db.exec(select(UsageColumnRow)):
        reads.setdefault(row.grant_id, {})[row.name] = row.last_read_at
    unread_before = work.now - timedelta(days=limits["unread_days"])
    dormant_before = work.now - timedelta(days=limits["dormant_days"])
    ends_before = work.now + timedelta(days=limits["ending_days"])

    def watched(grant: GrantRow, columns: list[str] | None = None) -> Watched:
        name = orgs.get(grant.org_id, (grant.org_id, grant.org_id))
        return Watched(
            grant_id=grant.id, org_id=grant.org_id, org_zh=name[0], org_en=name[1], dataset_id=grant.dataset_id,
            title_zh=grant.title_zh, title_en=grant.title_en, state=grant.state, ends_at=grant.ends_at,
            last_delivery_month=last_month.get(grant.id), columns=columns or [],
        )  # fmt: skip

    dormant, over_broad = [], []
    for grant in live:
        since = max(grant.activated_at or grant.created_at, grant.starts_at)
        read = reads.get(grant.id, {})
        if since <= dormant_before and max(read.values(), default=since) <= dormant_before:
            dormant.append(watched(grant))
        elif since <= unread_before:
            unread = [name for name in read_by_name(grant) if name not in read or read[name] <= unread_before]
            if unread:
                over_broad.append(watched(grant, unread))
    ending = sorted((g for g in live if g.ends_at <= ends_before), key=lambda g: (g.ends_at, g.id))
    asleep = [watched(grant) for grant in dormancy.sleeping(work)]
    return {
        "dormant": dormant,
        "asleep": asleep,
        "over_broad": over_broad,
        "ending": [watched(grant) for grant in ending],
    }


def _refusals(work: Work, first: str, last: str) -> list[Refused]:
    """Reasons of requests that were refused in the months, both counted, the most frequent first."""
    begins, ends = span(first)[0], span(last)[1]
    wanted = select(UsageEventRow.reasons).where(
        UsageEventRow.kind == REFUSED, UsageEventRow.at >= begins, UsageEventRow.at < ends
    )
    counted = Counter(code for words in work.db.exec(wanted) for code in json.loads(words))
    return [Refused(code=code, times=times) for code, times in counted.most_common()]
