"""Which portals an actor may see, what was pushed, and which records are to be there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, String, func, or_, union
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import Actor
from catalog.queries import public_ids
from catalog.tables import DatasetRow
from core.errors import NotFound
from core.jobs import FINAL, JobRow
from core.text import Text
from core.work import Work
from datasets.batches.queries import scopes
from datasets.harvest.workflow import HarvestState, RunState
from datasets.push.models import PushItemRead, PushRead, PushResultRead, PushRunRead
from datasets.push.tables import PushItemRow, PushResultRow, PushRunRow, PushTargetRow

READ, WRITE, APPROVE = "catalog:push:read", "catalog:push:write", "catalog:push:approve"
STAYS_LEVEL: Final = 4  # a record of that level or above stands at no portal
AGAIN: Final = timedelta(hours=1)
"""How long to wait after a record could not be withdrawn at a portal."""


def _visible(actor: Actor) -> SelectOfScalar[PushTargetRow]:
    wanted, within = select(PushTargetRow), scopes(actor, READ)
    return wanted if within is None else wanted.where(col(PushTargetRow.org_id).in_(within))


def target(work: Work, actor: Actor, target_id: str) -> PushTargetRow:
    """One within the actor's sight; raises NotFound."""
    row = work.db.exec(_visible(actor).where(PushTargetRow.id == target_id)).first()
    if row is None:
        raise NotFound(
            Text("没有这个门户；请在列表中查找。", "There is no such portal; look for it in the list.")
        )
    return row


def targets(
    work: Work, actor: Actor, *, state: str = "", page: int = 1, size: int = 50
) -> tuple[list[PushRead], int]:
    """One page, newest first, and how many there are; removed ones only when asked for."""
    wanted = _visible(actor).where(
        PushTargetRow.state == state if state else PushTargetRow.state != HarvestState.REMOVED
    )
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(PushTargetRow.id).desc()).offset((page - 1) * size).limit(size))
    return [read(work, row) for row in rows], total


def read(work: Work, row: PushTargetRow) -> PushRead:
    def count(*more: ColumnElement[bool]) -> int:
        return work.db.exec(select(func.count()).where(*_alive(row.id), *more)).one()

    return PushRead.model_validate(
        row,
        update={
            "has_secret": row.secret is not None,
            "records": count(),
            "drifted": count(_drifted()),
        },
    )


def _alive(target_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(PushItemRow.target_id) == target_id, col(PushItemRow.is_gone).is_(False)


def _drifted() -> ColumnElement[bool]:
    return sqlalchemy.cast(col(PushItemRow.drift), String) != "null"  # JSON's own null is stored for nothing


def items(
    work: Work, actor: Actor, target_id: str, *, drifted: bool = False, page: int = 1, size: int = 50
) -> tuple[list[PushItemRead], int]:
    """Our records at a portal by code; `drifted`: only those that were changed there since."""
    wanted = select(PushItemRow).where(*_alive(target(work, actor, target_id).id))
    wanted = wanted.where(_drifted()) if drifted else wanted
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(PushItemRow.dataset_id)).offset((page - 1) * size).limit(size))
    return [PushItemRead.model_validate(row) for row in rows], total


def runs(
    work: Work, actor: Actor, target_id: str, *, page: int = 1, size: int = 20
) -> tuple[list[PushRunRead], int]:
    """Pushes to one, newest first."""
    wanted = select(PushRunRow).where(PushRunRow.target_id == target(work, actor, target_id).id)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(PushRunRow.id).desc()).offset((page - 1) * size).limit(size))
    return [PushRunRead.model_validate(row) for row in rows], total


def run(work: Work, actor: Actor, target_id: str, run_id: str) -> PushRunRead:
    """One push; raises NotFound."""
    row = work.db.get(PushRunRow, run_id)
    if row is None or row.target_id != target(work, actor, target_id).id:
        raise NotFound(Text("没有这次推送。", "There is no such push."))
    return PushRunRead.model_validate(row)


def results(
    work: Work, run_id: str, *, result: str = "", words: str = "", page: int = 1, size: int = 50
) -> tuple[list[PushResultRead], int]:
    """The report by code; for a push that `run` let the actor see."""
    wanted = select(PushResultRow).where(PushResultRow.run_id == run_id)
    if result:
        wanted = wanted.where(PushResultRow.result == result)
    if words.strip():
        part = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("\0", "")
        named = col(PushResultRow.title).ilike(f"%{part}%", escape="\\")
        wanted = wanted.where(named | col(PushResultRow.dataset_id).ilike(f"%{part}%", escape="\\"))
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(PushResultRow.dataset_id)).offset((page - 1) * size).limit(size))
    return [PushResultRead.model_validate(row) for row in rows], total


def _wanted(row: PushTargetRow) -> tuple[ColumnElement[bool], ...]:
    """Which of our records are to stand at the portal: public, not foreign, within its reach; none that is not to be opened or of level 4."""
    found: list[ColumnElement[bool]] = [
        col(DatasetRow.open_type) != "N",
        or_(col(DatasetRow.data_level).is_(None), col(DatasetRow.data_level) < STAYS_LEVEL),
        col(DatasetRow.id).in_(public_ids()),
        col(DatasetRow.foreign_from) == "",
    ]
    if row.reach == "department":
        found.append(col(DatasetRow.publisher) == row.org_id)
    if row.only_open:
        found.append(col(DatasetRow.open_type) == "U")
    return tuple(found)


def is_wanted(work: Work, row: PushTargetRow, dataset_id: str) -> DatasetRow | None:
    """The record if it is to stand there."""
    return work.db.exec(select(DatasetRow).where(DatasetRow.id == dataset_id, *_wanted(row))).first()


def following(work: Work, row: PushTargetRow, mode: str, after: str, size: int) -> list[str]:
    """The next ids of a push in their order: what is to stand there, and what does and may not."""
    there: Any = select(PushItemRow.dataset_id).where(*_alive(row.id), PushItemRow.dataset_id > after)
    wanted: Any = select(DatasetRow.id).where(*_wanted(row), DatasetRow.id > after)
    if mode == "all":
        there = union(there, wanted)
    elif mode == "leaving":
        there = there.where(col(PushItemRow.dataset_id).not_in(select(DatasetRow.id).where(*_wanted(row))))
    part = there.subquery()
    return list(
        work.db.connection().execute(sqlalchemy.select(part.c[0]).order_by(part.c[0]).limit(size)).scalars()
    )


def due(work: Work) -> list[tuple[PushTargetRow, str]]:
    """Portals whose time has come, and those where something stands that must leave; with what is to be done."""
    idle = (
        PushTargetRow.state == HarvestState.ACTIVE, col(PushTargetRow.open_run).is_(None),
    )  # fmt: skip
    rows = list(
        work.db.exec(select(PushTargetRow).where(*idle, col(PushTargetRow.due_at) <= work.now).limit(50))
    )
    found = [(row, "all") for row in rows]
    others = list(work.db.exec(select(PushTargetRow).where(*idle, PushTargetRow.failures == 0)))
    found += [(row, "leaving") for row in others if row not in rows and is_anything_leaving(work, row)]
    return found


def is_anything_leaving(work: Work, row: PushTargetRow) -> bool:
    wanted = select(PushItemRow.dataset_id).where(
        *_alive(row.id), col(PushItemRow.dataset_id).not_in(select(DatasetRow.id).where(*_wanted(row))),
        col(PushItemRow.tried_at).is_(None) | (col(PushItemRow.tried_at) < work.now - AGAIN),
    )  # fmt: skip
    return work.db.exec(wanted.limit(1)).first() is not None


def forgotten(work: Work) -> list[str]:
    """Pushes whose job has ended without closing them."""
    wanted = (
        select(PushRunRow.id).join(JobRow, col(JobRow.id) == PushRunRow.job_id)
        .where(PushRunRow.state == RunState.RUNNING, col(JobRow.state).in_(FINAL))
    )  # fmt: skip
    return list(work.db.exec(wanted))
