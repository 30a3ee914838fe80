"""Which batches an actor may see. Every list and every look-up starts here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import func, or_
from sqlalchemy.orm import QueryableAttribute, defer
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import PLATFORM, Actor
from auth.roles import permitted
from catalog import queries as catalog
from catalog.tables import DatasetRow
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets.batches.models import BatchRead
from datasets.batches.tables import BatchRow

READ: Final = "datasets:batch:read"
_SORTS: Final[dict[str, Any]] = {
    "submitted": col(BatchRow.submitted_at),
    "name": col(BatchRow.name),
    "dataset": col(BatchRow.dataset_id),
    "size": col(BatchRow.size_bytes),
    "rows": col(BatchRow.rows),
    "state": col(BatchRow.state),
}


@dataclass(frozen=True, slots=True)
class BatchPage:
    """One page of a list."""

    items: list[BatchRead]
    total: int
    page: int
    pages: int


def scopes(actor: Actor, permission: str) -> frozenset[str] | None:
    """Organisations within which the actor holds `permission`; None means all."""
    held = {each.scope for each in actor.roles if permitted(frozenset({each.role}), permission)}
    return None if actor.via == "system" or PLATFORM in held else frozenset(held)


def _visible(actor: Actor) -> SelectOfScalar[BatchRow]:
    wanted = select(BatchRow)
    within = scopes(actor, READ)
    return wanted if within is None else wanted.where(col(BatchRow.org_id).in_(within))


def batch(work: Work, actor: Actor, batch_id: str) -> BatchRow:
    """A batch within the actor's sight; raises NotFound."""
    row = work.db.exec(_visible(actor).where(BatchRow.id == batch_id)).first()
    if row is None:
        raise NotFound(
            Text("没有这个批次；请在批次列表中查找。", "There is no such batch; look for it in the list.")
        )
    return row


def batches(
    work: Work,
    actor: Actor,
    *,
    dataset_id: str | None = None,
    states: tuple[str, ...] = (),
    words: str = "",
    sort: str = "-submitted",
    page: int = 1,
    size: int = 50,
) -> BatchPage:
    """One page of the batches that the actor may see. `words` is looked for in names and dataset codes."""
    wanted = _visible(actor)
    if dataset_id:
        wanted = wanted.where(BatchRow.dataset_id == dataset_id)
    if states:
        wanted = wanted.where(col(BatchRow.state).in_(states))
    if words.strip():
        looked_for = words.strip()
        wanted = wanted.where(
            or_(
                col(BatchRow.name).icontains(looked_for, autoescape=True),
                col(BatchRow.dataset_id).icontains(looked_for, autoescape=True),
            )
        )
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    key = _SORTS.get(sort.removeprefix("-"), _SORTS["submitted"])
    ordered = wanted.order_by(key.desc() if sort.startswith("-") else key.asc(), col(BatchRow.id).desc())
    bare = ordered.options(defer(cast(QueryableAttribute[Any], BatchRow.intake)))  # findings may fill a page
    rows = work.db.exec(bare.limit(size).offset((page - 1) * size)).all()
    return BatchPage([BatchRead.model_validate(row) for row in rows], total, page, max(1, -(-total // size)))


def corrections_of(work: Work, batch_id: str) -> list[str]:
    """Ids of the batches that correct this one."""
    return list(
        work.db.exec(select(BatchRow.id).where(BatchRow.corrects == batch_id).order_by(col(BatchRow.id)))
    )


def same_bytes(work: Work, row: BatchRow) -> list[BatchRow]:
    """Other batches of the dataset that hold the very same bytes, oldest first."""
    wanted = select(BatchRow).where(
        BatchRow.dataset_id == row.dataset_id, BatchRow.sha256 == row.sha256, BatchRow.id != row.id
    )
    bare = wanted.options(defer(cast(QueryableAttribute[Any], BatchRow.intake)))
    return list(work.db.exec(bare.order_by(col(BatchRow.number)).limit(20)))


def targets(work: Work, actor: Actor) -> list[tuple[str, Text]]:
    """The datasets that the actor may hand in for, with their titles."""
    wanted = select(DatasetRow.id, DatasetRow.title_zh, DatasetRow.title_en).where(
        catalog.own(actor, "datasets:batch:submit"), DatasetRow.state != "withdrawn"
    )
    return [
        (code, Text(zh or code, en or zh or code))
        for code, zh, en in work.db.exec(wanted.order_by(col(DatasetRow.id)))
    ]
