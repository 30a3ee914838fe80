"""The usage ledger as it is written: one line per charge, refund, delivery, download and refusal, with the sums that reports read.

Lines, sums by month and dates of columns are written in the caller's transaction, so they agree at every instant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Insert, Table, bindparam, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, select

from auth.actor import Actor
from auth.grants.tables import GrantRow, UsageColumnRow, UsageEventRow, UsageMonthRow
from auth.policy.filters.rules import LOCAL
from auth.policy.model import DeliveryForm
from core import elapsed, foreseen
from core.ids import GrantId
from core.text import Text
from core.work import Asked, Work, fetched

CHARGE: Final = "charge"
DELIVERY: Final = "delivery"
REFUND: Final = "refund"
RESERVED: Final = (
    "reserved"  # taken for a file that waits for its review, or set free again: no month counts it
)
DOWNLOAD: Final = "download"
REFUSED: Final = "refused"
PLAN: Final = "plan"
KINDS: Final = {
    DELIVERY: Text("交付", "Delivery"),
    DOWNLOAD: Text("下载", "Download"),
    CHARGE: Text("计量", "Charge"),
    REFUND: Text("退回", "Refund"),
    RESERVED: Text("预留", "Reserved"),
    REFUSED: Text("拒绝", "Refusal"),
    PLAN: Text("计划", "Plan"),
}
_NOTHING: Final[Mapping[str, int]] = {}
# How long a question takes depends on the rows behind it: kept, it would tell of them what noise, small cells, reviews and the even pace of
# verifications hide.
_UNTIMED: Final = frozenset(
    {DeliveryForm.QUERY_AGG, DeliveryForm.QUERY_DP, DeliveryForm.VERIFY, DeliveryForm.ENCLAVE}
)
_SUMS: Final = ("extracts", "rows", "bytes", "sent_bytes", "deliveries", "downloads", "refusals")
_COUNTED_AS: Final = {DELIVERY: "deliveries", DOWNLOAD: "downloads", REFUSED: "refusals"}


@dataclass(frozen=True, slots=True)
class Taking:
    """Who takes what, from where: what a line says besides its numbers. Times and the grant's own facts are added to it."""

    person_id: str = ""
    account: str = ""
    origin: str = ""
    release_id: str = ""
    release_number: int | None = None
    purpose: str = ""
    scenario_id: str = ""
    form: str = ""
    columns: tuple[str, ...] = ()
    filter_hash: str = ""

    @classmethod
    def by(cls, actor: Actor, **facts: Any) -> Taking:  # noqa: ANN401 - the fields of this class
        return cls(person_id=actor.person_id, account=actor.username, origin=actor.origin, **facts)


_WHOSE: Final = select(GrantRow.org_id, GrantRow.dataset_id).where(col(GrantRow.id) == bindparam("grant_id"))
_NEWEST: Final = (
    select(UsageEventRow)
    .where(
        col(UsageEventRow.subject) == bindparam("subject"),
        col(UsageEventRow.kind) == DOWNLOAD,
        col(UsageEventRow.person_id) == bindparam("person_id"),
    )
    .order_by(col(UsageEventRow.at).desc(), col(UsageEventRow.id).desc())
    .with_for_update()
    .execution_options(populate_existing=True)
)


def whose_asked(grant_id: str) -> Asked:
    """What `enter` asks first."""
    return _WHOSE, {"grant_id": grant_id}


def enter(
    work: Work,
    grant_id: GrantId,
    kind: str,
    *,
    subject: str,
    taking: Taking | None = None,
    reasons: tuple[str, ...] = (),
    counts: Mapping[str, int] = _NOTHING,
    month: str = "",
    epsilon_micro: int = 0,
) -> None:
    """Write one line, and add it to the month's sums and the columns' dates. `counts`: extracts, rows, bytes. `epsilon_micro`: privacy budget that was spent. `month`: the one in which it counts,
    where that is not the present one. What is reserved counts in none.

    To be called before the transaction's audit record: the month's sum is locked first everywhere, else two wait for each other.
    """
    whose = fetched(work, _WHOSE, grant_id=grant_id).one()
    said = taking or Taking()
    line = UsageEventRow(
        id=work.new_id(), grant_id=grant_id, kind=kind, subject=subject[:120], at=work.now, org_id=whose.org_id, dataset_id=whose.dataset_id,
        person_id=said.person_id, account=said.account, origin=said.origin, release_id=said.release_id,
        release_number=said.release_number, purpose=said.purpose, scenario_id=said.scenario_id, form=said.form,
        columns=json.dumps(said.columns, ensure_ascii=False), filter_hash=said.filter_hash,
        reasons=json.dumps(reasons), epsilon_micro=epsilon_micro, duration_ms=_duration(kind, said.form), **counts,
    )  # fmt: skip
    work.db.add(line)
    if kind == RESERVED:
        return
    _add_to_month(work, grant_id, {**counts} | ({_COUNTED_AS[kind]: 1} if kind in _COUNTED_AS else {}), month)
    if kind == DELIVERY and said.columns:
        _mark_columns(work, grant_id, said.columns)


def _duration(kind: str, form: str) -> int | None:
    return None if kind == RESERVED or form in _UNTIMED else elapsed.milliseconds()


def taken_for(work: Work, grant_id: GrantId, subject: str, *, kind: str = "") -> dict[str, int]:
    """What was taken for a subject, less what was given back; by lines of one `kind` alone, if said."""
    units = ("extracts", "rows", "bytes")
    sums = [func.coalesce(func.sum(getattr(UsageEventRow, unit)), 0) for unit in units]
    wanted = select(*sums).where(UsageEventRow.grant_id == grant_id, UsageEventRow.subject == subject)
    wanted = wanted.where(UsageEventRow.kind == kind) if kind else wanted
    return dict(zip(units, map(int, work.db.exec(wanted).one()), strict=True))


def taken_in(work: Work, grant_id: GrantId, subject: str) -> str:
    """The month in which a subject was first charged; empty where it never was."""
    met = (UsageEventRow.grant_id == grant_id, UsageEventRow.subject == subject, UsageEventRow.kind == CHARGE)
    first = work.db.exec(select(func.min(UsageEventRow.at)).where(*met)).one()
    return month_of(first) if first is not None else ""


def of_today(work: Work, grant_id: GrantId, kind: str) -> int:
    """How many lines of this kind the grant has today, by local days."""
    local = work.now.astimezone(LOCAL)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = select(func.count()).select_from(UsageEventRow)
    met = (UsageEventRow.grant_id == grant_id, UsageEventRow.kind == kind, col(UsageEventRow.at) >= midnight)
    return work.db.exec(wanted.where(*met)).one()


def add_sent(work: Work, grant_id: GrantId, subject: str, sent_bytes: int, person_id: str) -> None:
    """Add the bytes that really left to that person's newest download of `subject`, and to the month in which it began; it took until now."""
    line = work.db.exec(_NEWEST, params={"subject": subject, "person_id": person_id}).first()
    if line is None:  # a download that began before there was a ledger
        return
    line.sent_bytes += sent_bytes
    line.duration_ms = elapsed.milliseconds() or line.duration_ms
    work.db.add(line)
    _add_to_month(work, grant_id, {"sent_bytes": sent_bytes}, month_of(line.at))


def month_of(at: Any) -> str:  # noqa: ANN401 - an aware datetime
    """The local month of an instant: `2026-03`."""
    return str(at.astimezone(LOCAL).strftime("%Y-%m"))


def _add_to_month(work: Work, grant_id: GrantId, counts: dict[str, int], month: str = "") -> None:
    values = {"grant_id": grant_id, "month": month or month_of(work.now), **dict.fromkeys(_SUMS, 0), **counts}
    _upsert(work, _adding(_door(work), UsageMonthRow, ("grant_id", "month"), _SUMS), [values])


def _mark_columns(work: Work, grant_id: GrantId, columns: tuple[str, ...]) -> None:
    values = [
        {"grant_id": grant_id, "name": name, "reads": 1, "last_read_at": work.now}
        for name in sorted(set(columns))
    ]
    _upsert(
        work,
        _adding(_door(work), UsageColumnRow, ("grant_id", "name"), ("reads",), ("last_read_at",)),
        values,
    )


def _door(work: Work) -> str:
    return work.db.get_bind().dialect.name


@cache
def _adding(
    door: str, row: type[SQLModel], key: tuple[str, ...], added: tuple[str, ...], newest: tuple[str, ...] = ()
) -> Insert:
    """The statement that enters a row, or adds to the one that is there; put together once."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    statement: Any = (postgresql if door == "postgresql" else sqlite).insert(table)
    given = statement.excluded
    kept = {name: table.c[name] + given[name] for name in added} | {name: given[name] for name in newest}
    return cast(Insert, statement.on_conflict_do_update(index_elements=key, set_=kept))


def _upsert(work: Work, statement: Insert, values: list[dict[str, Any]]) -> None:
    """Past the session, which never holds these rows to be written."""
    foreseen.forget(work.db)
    work.db.connection().execute(statement, values)
