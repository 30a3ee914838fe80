"""The half year's certification that nobody has opened: told once, and on the start page of whoever opens it until it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlmodel import col, select

from auth.grants.tables import GrantRow
from auth.grants.workflow import State as GrantState
from auth.messages import audience
from auth.messages.service import tell
from auth.messages.tables import ReminderRow
from auth.reviews import cover, rules
from auth.reviews.tables import CampaignRow
from auth.roles import PERMISSIONS
from core.work import Work, hold

_OPEN: Final = "auth:campaign:open"
_KIND: Final = "campaign"
_OLD_ENOUGH: Final = timedelta(days=31)


def period(work: Work) -> str:
    """The present half year, when more than a month of it is gone, no campaign was opened in it and a grant has been active for a month; else ""."""
    today = cover.today(work)
    if not rules.is_month_gone(today):
        return ""
    now = rules.half_year(today)
    if work.db.exec(select(CampaignRow.id).where(CampaignRow.period == now)).first() is not None:
        return ""
    old = select(GrantRow.id).where(
        col(GrantRow.state).in_([GrantState.ACTIVE, GrantState.SUSPENDED]), GrantRow.ends_at > work.now,
        col(GrantRow.activated_at) <= work.now - _OLD_ENOUGH,
    )  # fmt: skip
    return now if work.db.exec(old.limit(1)).first() is not None else ""


def is_anything_due(work: Work) -> bool:
    """Whether it is to be told; only reads."""
    owed = period(work)
    told = select(ReminderRow.subject).where(ReminderRow.kind == _KIND, ReminderRow.subject == owed)
    return bool(owed) and work.db.exec(told.limit(1)).first() is None


def tell_due(work: Work) -> int:
    """Tell whoever may open it, once in the half year; returns 1 when it was told now."""
    hold(work, "campaigns")
    if not is_anything_due(work):
        return 0
    owed, today = period(work), cover.today(work)
    people = audience.holders(work, sorted(PERMISSIONS[_OPEN]), [])
    told = tell(
        work, people, "campaign.owed", subject=owed, href="/campaigns", once=owed, facts={"period": owed}
    )
    last = rules.last_day(today)
    row = ReminderRow(
        kind=_KIND, subject=owed, ends_on=last, days_before=(last - today).days, at=work.now, told=told
    )
    work.db.add(row)
    work.db.flush()
    return 1
