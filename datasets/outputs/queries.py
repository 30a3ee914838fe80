"""Which output reviews an actor may see. Every list and every look-up starts here."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, func, true
from sqlmodel import col, select

from auth.actor import Actor
from auth.clocks.counting import day_of
from auth.scope import sight
from core.errors import NotFound
from core.text import Text
from core.work import Work
from datasets.outputs.models import OutputRead
from datasets.outputs.tables import OutputLookRow, OutputReviewRow, OutputVoteRow
from datasets.outputs.workflow import OutputState

READ: Final = "datasets:output:read"
SORTS: Final = {
    "opened": col(OutputReviewRow.id),
    "due": col(OutputReviewRow.due_on),
    "dataset": col(OutputReviewRow.dataset_id),
    "rows": col(OutputReviewRow.rows),
}


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a list within the actor's sight: his departments', or all."""
    seen = sight(actor, READ)
    return true() if seen.everything else col(OutputReviewRow.department_id).in_(sorted(seen.departments))


def row(work: Work, actor: Actor, review_id: str, *, to_change: bool = False) -> OutputReviewRow:
    """One review within the actor's sight. Raises NotFound."""
    wanted = select(OutputReviewRow).where(OutputReviewRow.id == review_id, seen_by(actor))
    if to_change:
        wanted = wanted.with_for_update()
    found = work.db.exec(wanted.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound(
            Text(
                "没有这项出域审核，或不在您可见的范围内。",
                "There is no such output review, or it is not yours to see.",
            )
        )
    return found


def votes(work: Work, review_id: str) -> list[OutputVoteRow]:
    """All that was said of a file, oldest first; whoever shows it minds who may know."""
    wanted = select(OutputVoteRow).where(OutputVoteRow.review_id == review_id)
    return list(work.db.exec(wanted.order_by(col(OutputVoteRow.id))))


def has_looked(work: Work, found: OutputReviewRow, person_id: str) -> bool:
    """Whether that person has seen this very file in this review."""
    look = work.db.get(OutputLookRow, (found.id, person_id))
    return look is not None and look.sha256 == found.sha256


def read(work: Work, found: OutputReviewRow) -> OutputRead:
    waits = found.state == OutputState.IN_REVIEW
    return OutputRead.model_validate(
        found,
        update={"voted": len(votes(work, found.id)), "is_overdue": waits and day_of(work.now) > found.due_on},
    )


def listed(
    work: Work,
    actor: Actor,
    *,
    state: str | None = None,
    dataset_id: str | None = None,
    sort: str = "-opened",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[OutputRead], int]:
    """Reviews in sight and their number. `sort`: a key of SORTS, `-` before it for descending."""
    conditions: list[Any] = [seen_by(actor)]
    if state:
        conditions.append(OutputReviewRow.state == state)
    if dataset_id:
        conditions.append(OutputReviewRow.dataset_id == dataset_id)
    order = SORTS.get(sort.removeprefix("-"), col(OutputReviewRow.id))
    ordered = (order.desc() if sort.startswith("-") else order.asc(), col(OutputReviewRow.id).desc())
    total = work.db.exec(select(func.count()).select_from(OutputReviewRow).where(*conditions)).one()
    found = work.db.exec(
        select(OutputReviewRow).where(*conditions).order_by(*ordered).offset(offset).limit(limit)
    )
    return [read(work, each) for each in found], total
