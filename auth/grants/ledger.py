"""The usage ledger as it is written: one line per charge, refund, delivery, download and refusal, with the sums that reports read.

Lines, sums by month and dates of columns are written in the caller's transaction, so they agree at every instant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from auth.actor import Actor
from auth.grants.tables import GrantRow, UsageColumnRow, UsageEventRow, UsageMonthRow
from auth.policy.filters.rules import LOCAL
from core.ids import GrantId
from core.text import Text
from core.work import Work

CHARGE: Final = "charge"
DELIVERY: Final = "delivery"
REFUND: Final = "refund"
DOWNLOAD: Final = "download"
REFUSED: Final = "refused"
KINDS: Final = {
    DELIVERY: Text("交付", "Delivery"),
    DOWNLOAD: Text("下载", "Download"),
    CHARGE: Text("计量", "Charge"),
    REFUND: Text("退回", "Refund"),
    REFUSED: Text("拒绝", "Refusal"),
}
_NOTHING: Final[Mapping[str, int]] = {}
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


def enter(
    work: Work,
    grant_id: GrantId,
    kind: str,
    *,
    subject: str,
    taking: Taking | None = None,
    reasons: tuple[str, ...] = (),
    counts: Mapping[str, int] = _NOTHING,
) -> None:
    """Write one line, and add it to the month's sums and the columns' dates. `counts`: extracts, rows, bytes.

    To be called before the transaction's audit record: the month's sum is locked first everywhere, else two wait for each other.
    """
    wanted = select(GrantRow.org_id, GrantRow.dataset_id).where(GrantRow.id == grant_id)
    org_id, dataset_id = work.db.exec(wanted).one()
    said = taking or Taking()
    line = UsageEventRow(
        id=work.new_id(), grant_id=grant_id, kind=kind, subject=subject[:120], at=work.now, org_id=org_id, dataset_id=dataset_id,
        person_id=said.person_id, account=said.account, origin=said.origin, release_id=said.release_id,
        release_number=said.release_number, purpose=said.purpose, scenario_id=said.scenario_id, form=said.form,
        columns=json.dumps(said.columns, ensure_ascii=False), filter_hash=said.filter_hash,
        reasons=json.dumps(reasons), **counts,
    )  # fmt: skip
    work.db.add(line)
    work.db.flush()
    _add_to_month(work, grant_id, {**counts} | ({_COUNTED_AS[kind]: 1} if kind in _COUNTED_AS else {}))
    if kind == DELIVERY and said.columns:
        _mark_columns(work, grant_id, said.columns)


def add_sent(work: Work, grant_id: GrantId, subject: str, sent_bytes: int) -> None:
    """Add the bytes that really left to the newest download of `subject`, and to the month in which it began."""
    wanted = select(UsageEventRow).where(UsageEventRow.subject == subject, UsageEventRow.kind == DOWNLOAD)
    newest = wanted.order_by(col(UsageEventRow.at).desc(), col(UsageEventRow.id).desc()).with_for_update()
    line = work.db.exec(newest.execution_options(populate_existing=True)).first()
    if line is None:  # a download that began before there was a ledger
        return
    line.sent_bytes += sent_bytes
    work.db.add(line)
    _add_to_month(work, grant_id, {"sent_bytes": sent_bytes}, month_of(line.at))


def month_of(at: Any) -> str:  # noqa: ANN401 - an aware datetime
    """The local month of an instant: `2026-03`."""
    return str(at.astimezone(LOCAL).strftime("%Y-%m"))


def _add_to_month(work: Work, grant_id: GrantId, counts: dict[str, int], month: str = "") -> None:
    table = _table(UsageMonthRow)
    values = {"grant_id": grant_id, "month": month or month_of(work.now)}
    zeros = dict.fromkeys(
        ("extracts", "rows", "bytes", "sent_bytes", "deliveries", "downloads", "refusals"), 0
    )
    kept = {name: table.c[name] + count for name, count in counts.items()}
    _upsert(work, table, [values | zeros | counts], ["grant_id", "month"], kept)


def _mark_columns(work: Work, grant_id: GrantId, columns: tuple[str, ...]) -> None:
    table = _table(UsageColumnRow)
    values = [
        {"grant_id": grant_id, "name": name, "reads": 1, "last_read_at": work.now}
        for name in sorted(set(columns))
    ]
    kept = {"reads": table.c.reads + 1, "last_read_at": work.now}
    _upsert(work, table, values, ["grant_id", "name"], kept)


def _table(row: Any) -> Table:  # noqa: ANN401 - a table class
    found: Table = row.__table__
    return found


def _upsert(
    work: Work, table: Table, values: list[dict[str, Any]], key: list[str], kept: dict[str, Any]
) -> None:
    door = postgresql if work.db.get_bind().dialect.name == "postgresql" else sqlite
    statement = door.insert(table).values(values)
    work.db.execute(statement.on_conflict_do_update(index_elements=key, set_=kept))
