"""Changes of many records within sight: those whose every record the actor may change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, exists, func, not_
from sqlmodel import col, select

from auth.actor import Actor
from catalog import queries as records
from catalog.changes.models import MOST
from catalog.changes.tables import ChangeSetItemRow, ChangeSetRow
from catalog.models import RESOURCE_CODE
from catalog.tables import DatasetRow
from core.errors import NotFound
from core.text import Text
from core.work import Work


def named(work: Work, ids: Sequence[str]) -> list[DatasetRow]:
    """Records by their codes, in the order of these."""
    wanted = [one for one in dict.fromkeys(ids) if re.fullmatch(RESOURCE_CODE, one)][:MOST]
    rows = work.db.exec(select(DatasetRow).where(col(DatasetRow.id).in_(wanted)))
    found: dict[str, DatasetRow] = {row.id: row for row in rows}
    return [found[one] for one in wanted if one in found]


def listed(work: Work, actor: Actor, *, offset: int, limit: int) -> tuple[list[ChangeSetRow], int]:
    """Newest first, and how many there are."""
    wanted = select(ChangeSetRow).where(_seen(actor))
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    order = wanted.order_by(col(ChangeSetRow.made_at).desc(), col(ChangeSetRow.id).desc())
    return list(work.db.exec(order.offset(offset).limit(limit))), total


def change_set(
    work: Work, actor: Actor, set_id: str, *, lock: bool = False
) -> tuple[ChangeSetRow, list[ChangeSetItemRow]]:
    """One within sight, with its records. Raises NotFound."""
    found = None
    if set_id.isascii() and set_id.isprintable():
        wanted = select(ChangeSetRow).where(ChangeSetRow.id == set_id, _seen(actor))
        found = work.db.exec(wanted.with_for_update() if lock else wanted).first()
    if found is None:
        raise NotFound(
            Text(
                f"没有批量修改 {set_id}；请在“批量修改”列表中查找。",
                f"There is no change {set_id}; look for it under “Changes of many records”.",
            )
        )
    items = select(ChangeSetItemRow).where(ChangeSetItemRow.set_id == found.id)
    return found, list(work.db.exec(items.order_by(col(ChangeSetItemRow.place))))


def _seen(actor: Actor) -> ColumnElement[bool]:
    beyond: Any = sqlalchemy.select(col(ChangeSetItemRow.dataset_id)).join(
        DatasetRow, col(DatasetRow.id) == ChangeSetItemRow.dataset_id
    )
    beyond = beyond.where(
        col(ChangeSetItemRow.set_id) == ChangeSetRow.id, not_(records.own(actor, records.WRITE))
    )
    return not_(exists(beyond.correlate(ChangeSetRow)))
