"""Which records an actor may see. Every list and every look-up starts here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, case, false, or_, true
from sqlmodel import col, select

from auth.actor import ANYONE, PLATFORM, Actor
from auth.asset import no_such_dataset
from auth.grants import register
from catalog.models import RESOURCE_CODE
from catalog.tables import ColumnRow, DatasetRow
from catalog.workflow import State
from core.errors import Gone
from core.text import Text
from core.work import Asked, Work, fetched

WRITE: Final = "catalog:dataset:write"
READ_DRAFTS: Final = "catalog:dataset:read-drafts"
OPEN_LEVELS: Final = 4  # records above it (重要, 核心) are hidden from everybody outside the publishing side

changed: Final[ColumnElement[Any]] = case(
    (col(DatasetRow.released_at) > col(DatasetRow.modified), col(DatasetRow.released_at)),
    else_=col(DatasetRow.modified),
)
"""The last change of record or data: whoever collects by it must not miss a release."""
PUBLIC: Final = and_(
    col(DatasetRow.state) == State.PUBLISHED,
    or_(col(DatasetRow.data_level).is_(None), col(DatasetRow.data_level) <= OPEN_LEVELS),
)


def changed_at(row: DatasetRow) -> datetime:
    """`changed` of a row at hand."""
    return max(row.modified, row.released_at or row.modified)


def visible(actor: Actor) -> ColumnElement[bool]:
    """The records that this actor may know of: published ones, and all of the departments whose drafts he may read."""
    return or_(PUBLIC, own(actor, READ_DRAFTS))


def public_ids() -> Select[Any]:
    """Ids of the records that everybody may know of, for conditions of other rooms."""
    return sqlalchemy.select(col(DatasetRow.id)).where(
        col(DatasetRow.state) == State.PUBLISHED, visible(ANYONE)
    )


def active_grants(work: Work, row: DatasetRow) -> int | None:
    """How many grants on the record stand in the public register; None where not everybody may know of the record."""
    if row.state != State.PUBLISHED or (row.data_level or 0) > OPEN_LEVELS:
        return None
    return register.number_on(work, row.id)


def own(actor: Actor, permission: str) -> ColumnElement[bool]:
    """The records of the organisations within which the actor holds `permission`."""
    if actor.via == "system":
        return true()
    if actor.may_in(permission, PLATFORM):
        return true()
    scopes = {held.scope for held in actor.roles if actor.may_in(permission, held.scope)}
    return col(DatasetRow.publisher).in_(sorted(scopes)) if scopes else false()


def dataset(work: Work, actor: Actor, dataset_id: str) -> DatasetRow:
    """A record within the actor's sight. Raises NotFound; Gone with its tombstone when it was withdrawn."""
    row = _row(work, dataset_id)
    if row is not None and actor.may_in(READ_DRAFTS, row.publisher):
        return row
    if row is not None and (row.data_level or 0) <= OPEN_LEVELS:
        if row.state == State.PUBLISHED:
            return row
        if row.state == State.WITHDRAWN and row.issued is not None:
            raise _tombstone(row)
    raise no_such_dataset(dataset_id)


def writable(work: Work, actor: Actor, dataset_id: str, *, lock: bool = True) -> DatasetRow:
    """A record that the actor may change, locked against others until the transaction ends. Raises NotFound."""
    if _row(work, dataset_id) is not None:
        wanted = select(DatasetRow).where(DatasetRow.id == dataset_id, own(actor, WRITE))
        wanted = wanted.with_for_update() if lock else wanted
        if (row := work.db.exec(wanted.execution_options(populate_existing=True)).first()) is not None:
            return row
    raise no_such_dataset(dataset_id)


def columns_of(work: Work, dataset_ids: Sequence[str]) -> dict[str, list[ColumnRow]]:
    """The dictionaries of several records, in order."""
    found: dict[str, list[ColumnRow]] = {}
    for at in range(0, len(dataset_ids), 500):
        wanted = select(ColumnRow).where(col(ColumnRow.dataset_id).in_(dataset_ids[at : at + 500]))
        for column in work.db.exec(wanted.order_by(col(ColumnRow.dataset_id), col(ColumnRow.position))):
            found.setdefault(column.dataset_id, []).append(column)
    return found


def columns(work: Work, dataset_id: str) -> list[ColumnRow]:
    """The dictionary in its order."""
    wanted = select(ColumnRow).where(ColumnRow.dataset_id == dataset_id).order_by(col(ColumnRow.position))
    return list(work.db.exec(wanted))


def by_id(work: Work, dataset_id: str) -> DatasetRow:
    """A record regardless of who asks, for the rooms above. Raises NotFound."""
    if (row := _row(work, dataset_id)) is None:
        raise no_such_dataset(dataset_id)
    return row


_WITH_COLUMNS: Final = (
    sqlalchemy.select(
        *(
            getattr(DatasetRow, name)
            for name in ("id", "title_zh", "title_en", "publisher", "data_level", "open_type", "auth_op_scope", "state", "origin", "record_type")
        ),
        *(getattr(ColumnRow, name) for name in ("name", "type", "level", "identifier_kind")),
        col(ColumnRow.title_zh).label("column_zh"),
        col(ColumnRow.title_en).label("column_en"),
    )
    .join(ColumnRow, col(ColumnRow.dataset_id) == col(DatasetRow.id), isouter=True)
    .where(col(DatasetRow.id) == bindparam("code"))
    .order_by(col(ColumnRow.position))
)  # fmt: skip


def with_columns(work: Work, dataset_id: str) -> tuple[Row[Any], ...]:
    """What policies are judged on, in one round trip: the record's own facts with one column of its dictionary in each row.

    A record without columns has one row without a name. Raises NotFound.
    """
    for statement, given in with_columns_asked(dataset_id):
        if found := fetched(work, statement, **given).all():
            return tuple(found)
    raise no_such_dataset(dataset_id)


def with_columns_asked(dataset_id: str) -> tuple[Asked, ...]:
    """What `with_columns` asks; nothing of what cannot be a code."""
    return ((_WITH_COLUMNS, {"code": dataset_id}),) if re.fullmatch(RESOURCE_CODE, dataset_id) else ()


def titles(work: Work, dataset_ids: Iterable[str], actor: Actor | None = None) -> dict[str, Text]:
    """Titles of several records at once, for lists in the rooms above; with an actor, only those within his sight."""
    wanted = select(DatasetRow.id, DatasetRow.title_zh, DatasetRow.title_en).where(
        col(DatasetRow.id).in_([code for code in dataset_ids if re.fullmatch(RESOURCE_CODE, code)])
    )
    if actor is not None:
        wanted = wanted.where(visible(actor))
    return {dataset_id: Text(zh, en or zh) for dataset_id, zh, en in work.db.exec(wanted)}


def _row(work: Work, dataset_id: str) -> DatasetRow | None:
    """A record by its code. What cannot be a code is not asked for: databases refuse some characters."""
    return work.db.get(DatasetRow, dataset_id) if re.fullmatch(RESOURCE_CODE, dataset_id) else None


def _tombstone(row: DatasetRow) -> Gone:
    when = row.withdrawn_at.isoformat() if row.withdrawn_at else None
    zh = f"；已由 {row.replaced_by} 接替" if row.replaced_by else ""
    en = f"; {row.replaced_by} replaces it" if row.replaced_by else ""
    return Gone(
        Text(
            f"数据集 {row.id}《{row.title_zh}》已撤回：{row.withdrawn_reason}{zh}",
            f"Dataset {row.id} “{row.title_en or row.title_zh}” has been withdrawn: {row.withdrawn_reason}{en}",
        ),
        dataset_id=row.id,
        withdrawn_at=when,
        replaced_by=row.replaced_by,
    )
