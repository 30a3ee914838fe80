"""Use it or lose it: a grant that nobody uses for some days of the policy profile counts no more until a steward lets it again.

Whether it is dormant is computed at each use; the sweep makes it an event, once. What counts as use: what charges, delivers or downloads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_
from sqlmodel import col, func, select

from auth.grants.ledger import CHARGE, DELIVERY, DOWNLOAD
from auth.grants.tables import GrantEventRow, GrantFacts, GrantRow, UsageEventRow
from auth.grants.workflow import State, Step
from auth.policy.limits import Limits
from auth.policy.rules import GRANT, refused
from core.errors import Reason
from core.text import number_of
from core.work import Work

KEY: Final = "dormant_suspend_days"  # 0: never
USES: Final = (CHARGE, DELIVERY, DOWNLOAD)
_STOPS: Final = (Step.SUSPEND, Step.SUSPEND_BY_RULE, Step.SUSPEND_DORMANT)


def last_use(work: Work, row: GrantRow | GrantFacts) -> datetime | None:
    """When it was last used; where never, when it began to count or was last let again. None while it never counted."""
    woken = work.db.exec(
        select(func.max(GrantEventRow.at)).where(
            GrantEventRow.grant_id == row.id, GrantEventRow.to_state == State.ACTIVE
        )
    ).one()
    used = work.db.exec(
        select(func.max(UsageEventRow.at)).where(
            UsageEventRow.grant_id == row.id, col(UsageEventRow.kind).in_(USES)
        )
    ).one()
    known = [at for at in (row.activated_at, woken, used) if at is not None]
    return max(*known, row.starts_at) if known else None


def at_use(work: Work, limits: Limits, row: GrantRow | GrantFacts) -> Iterator[Reason]:
    """That the grant is dormant at this instant, whether or not a sweep has noted it. Nothing once it has ended."""
    if not may_sleep(row, work.now, limits):
        return
    days = limits[KEY]
    since = last_use(work, row)
    if since is not None and work.now >= since + timedelta(days=days):
        yield refused(
            "grant-dormant",
            f"该授权已超过 {days} 天未使用，已按规定暂停；请申请恢复，由数据专员决定。",
            f"Nobody used the grant for {number_of(days, 'days')}, so it is suspended; ask to resume it, a steward decides.",
            GRANT, days=days, last_use=since.isoformat(),
        )  # fmt: skip


def may_sleep(row: GrantRow | GrantFacts, now: datetime, limits: Limits) -> bool:
    """Cheap and first: whether the grant is in force and has been for so long that it could be dormant at all."""
    days = limits[KEY]
    if not days or row.state != State.ACTIVE or now >= row.ends_at or row.activated_at is None:
        return False
    return now >= row.activated_at + timedelta(days=days)


def candidates(now: datetime, days: int) -> ColumnElement[bool]:
    """The condition for grants in force that nobody used, and nobody let again, in that many days."""
    return unused(now, now - timedelta(days=days))


def unused(now: Any, before: Any) -> ColumnElement[bool]:  # noqa: ANN401 - values, or parameters of a query
    """The same with the instant since which nothing was done."""
    used = select(UsageEventRow.id).where(
        col(UsageEventRow.grant_id) == col(GrantRow.id),
        UsageEventRow.at > before,
        col(UsageEventRow.kind).in_(USES),
    )
    woken = select(GrantEventRow.id).where(
        col(GrantEventRow.grant_id) == col(GrantRow.id),
        GrantEventRow.at > before,
        GrantEventRow.to_state == State.ACTIVE,
    )
    return and_(
        col(GrantRow.state) == State.ACTIVE,
        col(GrantRow.activated_at) <= before,
        col(GrantRow.starts_at) <= before,
        col(GrantRow.ends_at) > now,
        ~used.exists(),
        ~woken.exists(),
    )


@dataclass(frozen=True, slots=True)
class Sleep:
    """That a grant is suspended for want of use: since when, and the holder's open request to resume it."""

    since: datetime
    asked: GrantEventRow | None


def sleep_of(work: Work, row: GrantRow) -> Sleep | None:
    """How a suspended grant sleeps; None when it is not suspended, or for another reason."""
    if row.state != State.SUSPENDED:
        return None
    wanted = (
        select(GrantEventRow).where(GrantEventRow.grant_id == row.id).order_by(col(GrantEventRow.version))
    )
    found: Sleep | None = None
    for event in work.db.exec(wanted):
        if event.step in _STOPS:
            found = Sleep(event.at, None) if event.step == Step.SUSPEND_DORMANT else None
        elif found and event.step == Step.ASK_RESUME:
            found = Sleep(found.since, event)
        elif found and event.step == Step.DECLINE_RESUME:
            found = Sleep(found.since, None)
    return found


def sleeping(work: Work) -> list[GrantRow]:
    """Every grant that is suspended for want of use."""
    rows = work.db.exec(select(GrantRow).where(GrantRow.state == State.SUSPENDED).order_by(col(GrantRow.id)))
    return [row for row in rows if sleep_of(work, row)]


def waiting(work: Work, limits: Limits) -> bool:
    """Whether a grant fell asleep and nobody has noted it."""
    days = limits[KEY]
    return (
        bool(days)
        and work.db.exec(select(GrantRow.id).where(candidates(work.now, days)).limit(1)).first() is not None
    )
