"""Rules of retention that apply themselves: once a day, and followers and keepers are told a month before a release is retired."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from sqlmodel import col, select

from auth import audit
from auth.actor import SYSTEM
from auth.identity.rules import CHINA
from auth.messages import audience
from auth.messages.service import tell
from auth.roles import Role
from core.errors import Reason
from core.work import Work, hold
from datasets.notices import service as notices
from datasets.notices.tables import NoticeRow
from datasets.releases import retention
from datasets.releases.tables import ReleaseRow, RetentionRow

AHEAD: Final = timedelta(days=30)
SOON: Final = "retiring"


def is_anything_due(work: Work) -> bool:
    """Whether some rule that applies itself has not been looked at today."""
    return bool(_unseen(work))


def sweep(work: Work) -> int:
    """Retire what the rules no longer keep, and tell of what they will not keep in a month; returns the number of releases."""
    found = 0
    for rule in _unseen(work):
        hold(work, f"releases/{rule.dataset_id}")
        for row, reasons in retention.plan(work, rule.dataset_id, rule):
            found += _look(work, rule, row, reasons)
        rule.looked_on = _today(work)
        work.db.add(rule)
    return found


def _unseen(work: Work) -> list[RetentionRow]:
    looked = col(RetentionRow.looked_on)
    unseen = looked.is_(None) | (looked < _today(work))
    return list(work.db.exec(select(RetentionRow).where(col(RetentionRow.by_clock).is_(True), unseen)))


def _look(work: Work, rule: RetentionRow, row: ReleaseRow, reasons: tuple[Reason, ...]) -> bool:
    """Nothing is retired that was not announced a month before under this very rule, however long its time has been up."""
    ends = retention.kept_until(row.superseded_at, rule)
    if {each.code for each in reasons} - {retention.YOUNG} or ends is None or ends - AHEAD > work.now:
        return False
    told = select(NoticeRow.at).where(
        NoticeRow.release_id == row.id, NoticeRow.kind == SOON, NoticeRow.at >= rule.set_at
    )
    announced = work.db.exec(told.order_by(col(NoticeRow.at)).limit(1)).first()
    if announced is not None:
        if reasons or announced + AHEAD > work.now:
            return False
        retention.retire(work, SYSTEM, row, rule)
        return True
    ends = max(ends, work.now + AHEAD)
    ends_on = ends.astimezone(CHINA).date().isoformat()
    facts = {"number": row.number, "semver": row.semver, "on": ends_on}
    notices.tell(work, row.dataset_id, SOON, row.id, facts)
    _tell_keepers(work, row, ends_on)
    audit.record(work, SYSTEM, "release.retiring", subject=row.id, payload=facts, dataset_id=row.dataset_id)
    return True


def _tell_keepers(work: Work, row: ReleaseRow, ends_on: str) -> None:
    """The department's stewards and those who may change the rule, each once."""
    tell(
        work, audience.holders(work, [Role.STEWARD, Role.CATALOG_ADMIN], [row.org_id]), "reminder.release",
        subject=row.id, href=f"/datasets/{row.dataset_id}/retention", once=f"{row.id}|{ends_on}",
        facts={"dataset": row.dataset_id, "number": row.number, "ends_on": ends_on},
    )  # fmt: skip


def _today(work: Work) -> date:
    return work.now.astimezone(CHINA).date()
