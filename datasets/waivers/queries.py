"""Which waivers an actor may see. Every list and every look-up starts here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import Actor
from auth.applications.steps import local_day
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets.batches.queries import scopes
from datasets.waivers.models import WaiverRead
from datasets.waivers.tables import WaiverRow
from datasets.waivers.workflow import WaiverState

READ: Final = "datasets:waiver:read"


@dataclass(frozen=True, slots=True)
class WaiverPage:
    """One page of a list."""

    items: list[WaiverRead]
    total: int
    page: int
    pages: int


def standing_of(row: WaiverRow, today: date) -> str:
    """What the waiver counts for that day."""
    if row.state != WaiverState.SIGNED:
        return str(row.state)
    return "effective" if today <= row.valid_to else "expired"


def read(work: Work, row: WaiverRow) -> WaiverRead:
    return WaiverRead.model_validate(row, update={"standing": standing_of(row, local_day(work.now))})


def _visible(actor: Actor) -> SelectOfScalar[WaiverRow]:
    within = scopes(actor, READ)
    wanted = select(WaiverRow)
    return wanted if within is None else wanted.where(col(WaiverRow.org_id).in_(within))


def waiver(work: Work, actor: Actor, waiver_id: str) -> WaiverRow:
    """A waiver within the actor's sight; raises NotFound."""
    row = work.db.exec(_visible(actor).where(WaiverRow.id == waiver_id)).first()
    if row is None:
        raise NotFound(
            Text("没有这份豁免；请在豁免列表中查找。", "There is no such waiver; look for it in the list.")
        )
    return row


def _of_standing(standing: str, today: date) -> ColumnElement[bool]:
    if standing == "effective":
        return (col(WaiverRow.state) == WaiverState.SIGNED) & (col(WaiverRow.valid_to) >= today)
    if standing == "expired":
        return (col(WaiverRow.state) == WaiverState.SIGNED) & (col(WaiverRow.valid_to) < today)
    return col(WaiverRow.state) == standing


def waivers(
    work: Work,
    actor: Actor,
    *,
    dataset_id: str | None = None,
    rule_key: str | None = None,
    standing: str = "",
    until: date | None = None,
    page: int = 1,
    size: int = 50,
) -> WaiverPage:
    """One page of the waivers within the actor's sight, newest first. `until`: those whose last day is not later."""
    wanted = _visible(actor)
    if dataset_id:
        wanted = wanted.where(WaiverRow.dataset_id == dataset_id)
    if rule_key:
        wanted = wanted.where(WaiverRow.rule_key == rule_key)
    if standing:
        wanted = wanted.where(_of_standing(standing, local_day(work.now)))
    if until:
        wanted = wanted.where(WaiverRow.valid_to <= until)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    rows = work.db.exec(wanted.order_by(col(WaiverRow.id).desc()).limit(size).offset((page - 1) * size)).all()
    return WaiverPage([read(work, row) for row in rows], total, page, max(1, -(-total // size)))
