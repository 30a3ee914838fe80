"""Charging a grant, exactly, also when many ask at once: the check and the charge are one UPDATE."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import CursorResult, Update, case, or_, update
from sqlmodel import col, select

from auth.anomalies import observing
from auth.grants import queries
from auth.grants.ledger import CHARGE, DELIVERY, REFUND, Taking, enter
from auth.grants.tables import GrantRow, UsageEventRow
from auth.grants.view import day_of
from auth.grants.workflow import State
from auth.incidents import freezes
from auth.policy import rules
from auth.policy.model import MAX_QUOTA
from core.errors import NotFound, QuotaExceeded, refuse_if
from core.ids import GrantId
from core.text import Text
from core.work import Work

_UNITS: Final = ("extracts", "rows", "bytes")
_NAMES: Final = {
    "extracts": Text("提取次数", "extracts"),
    "rows": Text("行数", "rows"),
    "bytes": Text("字节数", "bytes"),
    "per_day": Text("当日次数", "uses of today"),
}


def charge(
    work: Work,
    grant_id: GrantId,
    *,
    extracts: int = 0,
    rows: int = 0,
    bytes: int = 0,
    subject: str = "",
    taking: Taking | None = None,
    delivers: bool = False,
) -> None:
    """Take from the grant's quotas, in the caller's transaction: all of it, or QuotaExceeded and nothing.

    Only a grant that is effective at `work.now` can be charged; otherwise AccessRefused with every reason.
    `subject`: what it is for (an extract's id). `taking`: who takes what, for the ledger. `delivers`: data are handed over by it.
    """
    wanted = _counted(extracts=extracts, rows=rows, bytes=bytes)
    seen = queries.view(work, grant_id)
    if seen.blocks:
        refuse_if(rules.effective(seen, work.now))
    statement = update(GrantRow).where(
        col(GrantRow.id) == grant_id,
        col(GrantRow.state) == State.ACTIVE,
        col(GrantRow.starts_at) <= work.now,
        col(GrantRow.ends_at) > work.now,
        ~freezes.of_grant(
            col(GrantRow.id), col(GrantRow.org_id), col(GrantRow.dataset_id), col(GrantRow.department_id)
        ),
    )
    for unit, count in wanted.items():
        used, quota = _used(unit), col(getattr(GrantRow, f"quota_{unit}"))
        carried = col(getattr(GrantRow, f"carried_{unit}"))
        within = or_(quota.is_(None), used + carried + count <= quota)
        statement = statement.where(used <= MAX_QUOTA - count, within)
    values = {f"used_{unit}": _used(unit) + n for unit, n in wanted.items()}
    if extracts:
        today = day_of(work.now)
        of_today = case((col(GrantRow.used_on) == today, col(GrantRow.used_per_day)), else_=0) + extracts
        most = col(GrantRow.quota_per_day)
        statement = statement.where(of_today <= MAX_QUOTA, or_(most.is_(None), of_today <= most))
        values |= {"used_per_day": of_today, "used_on": today}
    if not _changed(work, statement.values(values)):
        _say_why(work, grant_id, wanted)
    if extracts:  # a new request; what it asked for is counted afterwards
        refuse_if(tuple(observing.against_use(work, queries.row(work, grant_id))))
    enter(work, grant_id, DELIVERY if delivers else CHARGE, subject=subject, taking=taking, counts=wanted)


def refund(
    work: Work,
    grant_id: GrantId,
    *,
    extracts: int = 0,
    rows: int = 0,
    bytes: int = 0,
    subject: str = "",
    taking: Taking | None = None,
) -> None:
    """Give back what was charged and not delivered; also after the grant has ended. ValueError for more than was used.

    The day's count stays: otherwise asking and taking back would be without limit.
    """
    wanted = _counted(extracts=extracts, rows=rows, bytes=bytes)
    statement = update(GrantRow).where(col(GrantRow.id) == grant_id)
    for unit, count in wanted.items():
        statement = statement.where(_used(unit) >= count)
    if not _changed(work, statement.values({f"used_{unit}": _used(unit) - n for unit, n in wanted.items()})):
        raise ValueError(f"refund of more than grant {grant_id} has used: {wanted}")
    given_back = {unit: -count for unit, count in wanted.items()}
    enter(work, grant_id, REFUND, subject=subject, taking=taking, counts=given_back)


def _used(unit: str) -> Any:  # noqa: ANN401 - a column expression
    return col(getattr(GrantRow, f"used_{unit}"))


def _counted(**counts: int) -> dict[str, int]:
    for unit, count in counts.items():
        if not 0 <= count <= MAX_QUOTA:
            raise ValueError(f"{unit} must lie between 0 and {MAX_QUOTA}: {count}")
    return counts


def _changed(work: Work, statement: Update) -> bool:
    """Whether the one row met every condition. Rows already loaded are not refreshed: `queries.row` always reads anew."""
    outcome = work.db.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(outcome, CursorResult)  # noqa: S101 - an UPDATE always gives one
    return outcome.rowcount == 1


def _say_why(work: Work, grant_id: GrantId, wanted: dict[str, int]) -> None:
    grant = queries.view(work, grant_id)
    refuse_if(rules.effective(grant, work.now))
    for unit, count in (wanted | {"per_day": wanted["extracts"]}).items():
        limit, used = getattr(grant.policy.quotas, unit), getattr(grant.used, unit)
        if count and limit is not None and used + count > limit:
            name, left = _NAMES[unit], max(limit - used, 0)
            raise QuotaExceeded(
                Text(
                    f"{name.zh}额度不足：需要 {count}，剩余 {left}（上限 {limit}）。请缩小范围，或申请新的授权。",
                    f"Not enough {name.en} left: {count} needed, {left} of {limit} left. Ask for less, or apply for a new grant.",
                ),
                unit=unit, needed=count, left=left, limit=limit,
            )  # fmt: skip
    raise NotFound(Text("没有这项授权。", "There is no such grant."))


def events(work: Work, grant_id: GrantId) -> list[UsageEventRow]:
    """Every charge and refund of a grant, oldest first."""
    wanted = select(UsageEventRow).where(UsageEventRow.grant_id == grant_id)
    return list(work.db.exec(wanted.order_by(col(UsageEventRow.at), col(UsageEventRow.id))))
