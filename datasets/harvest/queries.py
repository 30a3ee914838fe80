"""Which outside catalogues an actor may see, their harvests, and the report of one."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import Actor
from core.errors import NotFound
from core.jobs import FINAL, JobRow
from core.text import Text
from core.work import Work
from datasets.batches.queries import scopes
from datasets.harvest.models import HarvestItemRead, HarvestRead, HarvestRunRead
from datasets.harvest.tables import HarvestedRow, HarvestItemRow, HarvestRunRow, HarvestSourceRow
from datasets.harvest.workflow import HarvestState, RunState

READ, WRITE, APPROVE = "catalog:harvest:read", "catalog:harvest:write", "catalog:harvest:approve"


def _visible(actor: Actor) -> SelectOfScalar[HarvestSourceRow]:
    wanted, within = select(HarvestSourceRow), scopes(actor, READ)
    return wanted if within is None else wanted.where(col(HarvestSourceRow.org_id).in_(within))


def source(work: Work, actor: Actor, source_id: str) -> HarvestSourceRow:
    """One within the actor's sight; raises NotFound."""
    row = work.db.exec(_visible(actor).where(HarvestSourceRow.id == source_id)).first()
    if row is None:
        raise NotFound(
            Text(
                "没有这个外部目录；请在列表中查找。",
                "There is no such outside catalogue; look for it in the list.",
            )
        )
    return row


def sources(
    work: Work, actor: Actor, *, state: str = "", page: int = 1, size: int = 50
) -> tuple[list[HarvestRead], int]:
    """One page, newest first, and how many there are; removed ones only when asked for."""
    wanted = _visible(actor).where(
        HarvestSourceRow.state == state if state else HarvestSourceRow.state != HarvestState.REMOVED
    )
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(
        wanted.order_by(col(HarvestSourceRow.id).desc()).offset((page - 1) * size).limit(size)
    )
    return [read(work, row) for row in rows], total


def read(work: Work, row: HarvestSourceRow) -> HarvestRead:
    alive = select(func.count()).where(HarvestedRow.source_id == row.id, col(HarvestedRow.is_gone).is_(False))
    return HarvestRead.model_validate(
        row,
        update={
            "url": row.config["url"],
            "has_secret": row.secret is not None,
            "records": work.db.exec(alive).one(),
        },
    )


def runs(
    work: Work, actor: Actor, source_id: str, *, page: int = 1, size: int = 20
) -> tuple[list[HarvestRunRead], int]:
    """Harvests of one, newest first."""
    wanted = select(HarvestRunRow).where(HarvestRunRow.source_id == source(work, actor, source_id).id)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(HarvestRunRow.id).desc()).offset((page - 1) * size).limit(size))
    return [HarvestRunRead.model_validate(row) for row in rows], total


def run(work: Work, actor: Actor, source_id: str, run_id: str) -> HarvestRunRead:
    """One harvest; raises NotFound."""
    row = work.db.get(HarvestRunRow, run_id)
    if row is None or row.source_id != source(work, actor, source_id).id:
        raise NotFound(Text("没有这次采集。", "There is no such harvest."))
    return HarvestRunRead.model_validate(row)


def items(
    work: Work, run_id: str, *, result: str = "", words: str = "", page: int = 1, size: int = 50
) -> tuple[list[HarvestItemRead], int]:
    """The report, in the order of the source; for a harvest that `run` let the actor see."""
    wanted = select(HarvestItemRow).where(HarvestItemRow.run_id == run_id)
    if result:
        wanted = wanted.where(HarvestItemRow.result == result)
    if words.strip():
        part = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("\0", "")
        named = col(HarvestItemRow.title).ilike(f"%{part}%", escape="\\")
        wanted = wanted.where(named | col(HarvestItemRow.identifier).ilike(f"%{part}%", escape="\\"))
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(HarvestItemRow.place)).offset((page - 1) * size).limit(size))
    return [HarvestItemRead.model_validate(row) for row in rows], total


def harvested(work: Work, dataset_id: str) -> tuple[HarvestedRow, HarvestSourceRow] | None:
    """Where a foreign record came from; None for one of ours."""
    row = work.db.get(HarvestedRow, dataset_id)
    return (row, work.db.get_one(HarvestSourceRow, row.source_id)) if row else None


def due(work: Work) -> list[HarvestSourceRow]:
    """Those whose time has come."""
    wanted = select(HarvestSourceRow).where(
        HarvestSourceRow.state == HarvestState.ACTIVE, col(HarvestSourceRow.open_run).is_(None),
        col(HarvestSourceRow.due_at) <= work.now,
    )  # fmt: skip
    return list(work.db.exec(wanted.limit(50)))


def forgotten(work: Work) -> list[str]:
    """Harvests whose job has ended without closing them."""
    wanted = (
        select(HarvestRunRow.id).join(JobRow, col(JobRow.id) == HarvestRunRow.job_id)
        .where(HarvestRunRow.state == RunState.RUNNING, col(JobRow.state).in_(FINAL))
    )  # fmt: skip
    return list(work.db.exec(wanted))
