"""Which sources an actor may see. Every list and every look-up starts here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import Actor
from core.errors import NotFound
from core.jobs import FINAL, JobRow
from core.text import Text
from core.work import Work
from datasets.batches.queries import scopes
from datasets.sources import kinds
from datasets.sources.models import Origin, RunRead, SourceRead
from datasets.sources.tables import DeliveryRow, SourceRow, SourceRunRow
from datasets.sources.workflow import SourceState

READ: Final = "datasets:source:read"
WRITE: Final = "datasets:source:write"


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One page of a list."""

    items: list[SourceRead]
    total: int
    page: int
    pages: int


def _visible(actor: Actor) -> SelectOfScalar[SourceRow]:
    wanted = select(SourceRow)
    within = scopes(actor, READ)
    return wanted if within is None else wanted.where(col(SourceRow.org_id).in_(within))


def source(work: Work, actor: Actor, source_id: str) -> SourceRow:
    """A source within the actor's sight; raises NotFound."""
    row = work.db.exec(_visible(actor).where(SourceRow.id == source_id)).first()
    if row is None:
        raise NotFound(
            Text("没有这个来源；请在来源列表中查找。", "There is no such source; look for it in the list.")
        )
    return row


def sources(
    work: Work,
    actor: Actor,
    *,
    dataset_id: str | None = None,
    state: str | None = None,
    page: int = 1,
    size: int = 50,
) -> SourcePage:
    """One page of the sources that the actor may see, newest first. Removed ones only when asked for by `state`."""
    wanted = _visible(actor)
    if dataset_id:
        wanted = wanted.where(SourceRow.dataset_id == dataset_id)
    if state:
        wanted = wanted.where(SourceRow.state == state)
    else:
        wanted = wanted.where(SourceRow.state != SourceState.REMOVED)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(SourceRow.id).desc()).limit(size).offset((page - 1) * size)).all()
    return SourcePage([read(row, actor) for row in rows], total, page, max(1, -(-total // size)))


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Sources that paused themselves, each with why; `total` counts those not shown too."""

    items: list[tuple[SourceRow, Text]]
    total: int


def given_up(work: Work, actor: Actor, limit: int) -> GivenUp:
    """The sources that failed too often, of those that the actor may resume; the latest first."""
    within = scopes(actor, WRITE)
    wanted = _visible(actor).where(SourceRow.state == SourceState.PAUSED, SourceRow.failures > 0)
    if within is not None:
        wanted = wanted.where(col(SourceRow.org_id).in_(within))
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(SourceRow.last_run_at).desc()).limit(limit)).all()
    said = [row.paused_why or {"zh": "", "en": ""} for row in rows]
    return GivenUp([(row, Text(why["zh"], why["en"])) for row, why in zip(rows, said, strict=True)], total)


def read(row: SourceRow, actor: Actor) -> SourceRead:
    """A source as this reader sees it."""
    return SourceRead.model_validate(
        row,
        update={
            "address": kinds.shown(kinds.config_of(row.config)),
            "has_secret": row.secret is not None,
            "may_write": row.state != SourceState.REMOVED and actor.may_in(WRITE, row.org_id),
        },
    )


def runs(
    work: Work, actor: Actor, source_id: str, limit: int = 50, after: str | None = None
) -> list[RunRead]:
    """The looks into one source, newest first; `after` is the id to go on from."""
    row = source(work, actor, source_id)
    wanted = select(SourceRunRow).where(SourceRunRow.source_id == row.id)
    if after:
        wanted = wanted.where(col(SourceRunRow.id) < after)
    found = work.db.exec(wanted.order_by(col(SourceRunRow.id).desc()).limit(limit)).all()
    return [RunRead.model_validate(run) for run in found]


def run_count(work: Work, actor: Actor, source_id: str) -> int:
    """How often a source was looked into."""
    row = source(work, actor, source_id)
    return work.db.exec(
        select(func.count()).select_from(SourceRunRow).where(SourceRunRow.source_id == row.id)
    ).one()


def origin(work: Work, batch_id: str) -> Origin | None:
    """Where a batch came from; None when a person handed it in. For readers who may see the batch."""
    found = work.db.get(DeliveryRow, batch_id)
    if found is None:
        return None
    held = work.db.get_one(SourceRow, found.source_id)
    return Origin(source_id=held.id, source_name=held.name, run_id=found.run_id, provenance=found.provenance)


def is_any_due(work: Work) -> bool:
    """Whether some source waits to be looked into, or is being looked into by a job that has ended."""
    ended = (
        select(SourceRow.id)
        .join(SourceRunRow, col(SourceRow.open_run) == SourceRunRow.id)
        .join(JobRow, col(JobRow.id) == SourceRunRow.job_id)
        .where(col(JobRow.state).in_(FINAL))
    )
    return any(work.db.exec(wanted.limit(1)).first() is not None for wanted in (_due(work.now), ended))


def due(work: Work) -> list[SourceRow]:
    """The sources whose time has come and that are not being looked into, longest waiting first."""
    return list(work.db.exec(_due(work.now).order_by(col(SourceRow.due_at)).limit(100)))


def _due(at: datetime) -> SelectOfScalar[SourceRow]:
    return select(SourceRow).where(
        SourceRow.state == SourceState.ACTIVE,
        col(SourceRow.open_run).is_(None),
        col(SourceRow.due_at) <= at,
    )
