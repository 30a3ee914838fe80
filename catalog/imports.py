"""Descriptions as others gave them, and the administrator's import mode that lets records in as they are.

A record is written through review like any other. Only while an import is open, for a stated reason and a limited time, do
records that the catalogue's administrator loads stand published at once, described word for word as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import PLATFORM, Actor
from catalog.search import memory
from catalog.tables import DatasetRow, DescriptionRow, ImportRow, LinkRow, OrgDescriptionRow
from core.errors import Conflict
from core.text import Text
from core.work import Work, fetched, hold

MAY: Final = "catalog:import:open"
LONGEST_MINUTES: Final = 24 * 60
_LATE: Final = timedelta(days=1)
_A_DAY: Final = Text(
    "一次导入自开启起最长一天：从现在起至多还有 {most} 分钟。",
    "An import lasts a day at most from its opening: {most} minutes are left from now on.",
)
_KEPT: Final = select(DescriptionRow).where(
    col(DescriptionRow.dataset_id).in_(bindparam("ids", expanding=True))
)
_OPEN: Final = (col(ImportRow.closed_at).is_(None), col(ImportRow.ends_at) > bindparam("now"))
_IS_OPEN: Final = sqlalchemy.select(col(ImportRow.id)).where(*_OPEN)
_COUNT: Final = sqlalchemy.update(ImportRow).where(*_OPEN).values(records=col(ImportRow.records) + 1)


class ImportOpen(SQLModel):
    """What an administrator says when he opens it."""

    model_config = {"extra": "forbid"}
    reason: str = Field(min_length=4, max_length=500)
    minutes: int = Field(default=60, ge=1, le=LONGEST_MINUTES)


class ImportProlong(SQLModel):
    """For how long from now on the open import is to stay open."""

    model_config = {"extra": "forbid"}
    minutes: int = Field(default=60, ge=1, le=LONGEST_MINUTES)


class ImportRead(SQLModel):
    """One opening as people see it. `records`: how many were let in or replaced."""

    id: str
    reason: str
    opened_name: dict[str, str]
    opened_at: datetime
    ends_at: datetime
    closed_at: datetime | None
    records: int
    is_open: bool


def opened(work: Work, actor: Actor, ask: ImportOpen) -> ImportRead:
    """Open the import mode. Conflict while one is open."""
    actor.demand(MAY)
    hold(work, "catalog/import")
    if _current(work) is not None:
        raise Conflict(Text("已有导入正在进行；请先结束它。", "An import is open already; close it first."))
    row = ImportRow(
        id=work.new_id(), reason=ask.reason.strip(), opened_by=actor.account_id,
        opened_name={"zh": actor.name.zh, "en": actor.name.en}, opened_at=work.now,
        ends_at=work.now + timedelta(minutes=ask.minutes),
    )  # fmt: skip
    work.db.add(row)
    work.db.flush()
    payload = {"reason": row.reason, "ends_at": row.ends_at.isoformat()}
    audit.record(work, actor, "import.opened", subject=row.id, payload=payload)
    return _read(work, row)


def prolonged(work: Work, actor: Actor, ask: ImportProlong) -> ImportRead:
    """Let the open one end `minutes` from now. Conflict when none is open, when that is no later, or when it would last more than a day."""
    actor.demand(MAY)
    hold(work, "catalog/import")
    if (row := _current(work)) is None:
        raise Conflict(Text("没有正在进行的导入。", "No import is open."))
    ends, latest = (
        work.now + timedelta(minutes=ask.minutes),
        row.opened_at + timedelta(minutes=LONGEST_MINUTES),
    )
    if ends <= row.ends_at:
        raise Conflict(Text("新的截止时间不晚于现有的。", "It would end no later than it does now."))
    if ends > latest:
        most = int((latest - work.now).total_seconds() // 60)
        raise Conflict(_A_DAY.filled(most=most), most_minutes=most)
    row.ends_at = ends
    work.db.add(row)
    audit.record(work, actor, "import.prolonged", subject=row.id, payload={"ends_at": ends.isoformat()})
    return _read(work, row)


def closed(work: Work, actor: Actor) -> ImportRead:
    """Close it before its time. Conflict when none is open."""
    actor.demand(MAY)
    if (row := _current(work)) is None:
        raise Conflict(Text("没有正在进行的导入。", "No import is open."))
    row.closed_at = work.now
    work.db.add(row)
    audit.record(work, actor, "import.closed", subject=row.id, payload={"records": row.records})
    return _read(work, row)


def history(work: Work, limit: int = 100) -> list[ImportRead]:
    """Every opening, newest first."""
    rows = work.db.exec(select(ImportRow).order_by(col(ImportRow.opened_at).desc()).limit(limit))
    return [_read(work, row) for row in rows]


def is_importing(work: Work, actor: Actor) -> bool:
    """Whether what this actor loads now stands as it is: an import is open, and he administers the whole catalogue."""
    return actor.may_in(MAY, PLATFORM) and fetched(work, _IS_OPEN, now=work.now).first() is not None


def lapsed(work: Work) -> ImportRead | None:
    """The last import, where it ended by its time within the last day: what is still being loaded under it comes too late.

    None when it was closed by hand, which says that nothing more is to come.
    """
    row = work.db.exec(select(ImportRow).order_by(col(ImportRow.opened_at).desc()).limit(1)).first()
    is_late = row is not None and row.closed_at is None and row.ends_at <= work.now < row.ends_at + _LATE
    return _read(work, row) if row is not None and is_late else None


def count_record(work: Work) -> None:
    """One more record was let in."""
    fetched(work, _COUNT, now=work.now)


def _current(work: Work) -> ImportRow | None:
    wanted = select(ImportRow).where(col(ImportRow.closed_at).is_(None), col(ImportRow.ends_at) > work.now)
    return work.db.exec(wanted).first()


def _read(work: Work, row: ImportRow) -> ImportRead:
    is_open = row.closed_at is None and row.ends_at > work.now
    return ImportRead.model_validate(row, update={"is_open": is_open})


# -- descriptions


def keep(
    work: Work, actor: Actor, row: DatasetRow, name: str, document: Mapping[str, Any], *, is_import: bool
) -> None:
    """Keep what was said of a dataset, in place of what was said before."""
    kept = work.db.get(DescriptionRow, row.id)
    if kept is None:
        kept = DescriptionRow(dataset_id=row.id, name=name, document={}, version=row.version)
    is_new = kept.document != document
    _keep_links(work, row.id, links_in(kept.document), links_in(document))
    kept.name, kept.document, kept.is_import, kept.version = name, dict(document), is_import, row.version
    work.db.add(kept)
    work.db.flush()
    memory.note(work, row.number)
    if is_new:
        payload = {"name": name, "keys": sorted(document), "import": is_import}
        audit.record(work, actor, "dataset.described", subject=row.id, payload=payload, dataset_id=row.id)


def links_in(document: Mapping[str, Any]) -> set[str]:
    """The ids of the links that a description holds."""
    links = document.get("resources") or []
    return {each["id"] for each in links if isinstance(each.get("id"), str) and each["id"]}


def _keep_links(work: Work, dataset_id: str, former: set[str], now: set[str]) -> None:
    if gone := former - now:
        held = select(LinkRow).where(LinkRow.dataset_id == dataset_id, col(LinkRow.resource_id).in_(gone))
        for each in work.db.exec(held):
            work.db.delete(each)
    work.db.add_all(LinkRow(resource_id=each, dataset_id=dataset_id) for each in sorted(now - former))


def holders(work: Work, resource_ids: Iterable[str]) -> list[LinkRow]:
    """Beside which records links of these ids stand."""
    wanted = select(LinkRow).where(col(LinkRow.resource_id).in_(list(resource_ids)))
    return list(work.db.exec(wanted.order_by(col(LinkRow.resource_id), col(LinkRow.dataset_id))))


def kept_of(work: Work, dataset_ids: Iterable[str]) -> dict[str, DescriptionRow]:
    """What was said of several datasets."""
    found = work.db.exec(_KEPT, params={"ids": list(dataset_ids)})
    return {row.dataset_id: row for row in found}


def is_as_imported(work: Work, dataset_id: str, version: int) -> bool:
    """Whether a record still stands word for word as an import let it in."""
    kept = work.db.get(DescriptionRow, dataset_id)
    return kept is not None and kept.is_import and kept.version == version


def keep_org(work: Work, actor: Actor, org_id: str, name: str, document: Mapping[str, Any]) -> None:
    """Keep what was said of an organisation."""
    kept = work.db.get(OrgDescriptionRow, org_id) or OrgDescriptionRow(org_id=org_id, name=name, document={})
    kept.name, kept.document = name, dict(document)
    work.db.add(kept)
    work.db.flush()
    audit.record(
        work,
        actor,
        "organisation.described",
        subject=org_id,
        payload={"name": name, "keys": sorted(document)},
    )


def kept_orgs(work: Work) -> dict[str, OrgDescriptionRow]:
    return {row.org_id: row for row in work.db.exec(select(OrgDescriptionRow))}
