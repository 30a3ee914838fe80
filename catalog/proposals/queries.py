"""Proposals within a reader's sight: those of the departments whose drafts he may read."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from sqlalchemy import Select, func
from sqlmodel import col, select

from auth.actor import Actor
from auth.audit import AuditEventRow
from catalog import queries as records
from catalog.proposals.tables import ProposalRow
from catalog.proposals.workflow import WAITING
from catalog.tables import DatasetRow
from core.errors import NotFound
from core.text import Text
from core.work import Work

REVIEW = "catalog:dataset:review"
_WRITINGS = ("dataset.created", "dataset.updated", "dataset.dictionary_replaced")


def listed(
    work: Work, actor: Actor, *, state: str = "", dataset_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[tuple[ProposalRow, DatasetRow]], int]:
    """Proposals newest first, and how many there are."""
    wanted = _seen(actor)
    if state:
        wanted = wanted.where(col(ProposalRow.state) == state)
    if dataset_id:
        wanted = wanted.where(col(ProposalRow.dataset_id) == dataset_id)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    order = wanted.order_by(col(ProposalRow.proposed_at).desc(), col(ProposalRow.id).desc())
    rows = work.db.execute(order.offset(offset).limit(limit)).all()
    return [(row[0], row[1]) for row in rows], total


def _seen(actor: Actor) -> Select[Any, Any]:
    joined = sqlalchemy.select(ProposalRow, DatasetRow).join(
        DatasetRow, col(DatasetRow.id) == ProposalRow.dataset_id
    )
    return joined.where(records.own(actor, records.READ_DRAFTS))


def proposal(work: Work, actor: Actor, proposal_id: str) -> tuple[ProposalRow, DatasetRow]:
    """One proposal within the reader's sight. Raises NotFound."""
    found = None
    if proposal_id.isascii() and proposal_id.isprintable():
        found = work.db.execute(_seen(actor).where(col(ProposalRow.id) == proposal_id)).first()
    if found is None:
        raise NotFound(
            Text(
                f"没有提议 {proposal_id}；请在“记录复核”列表中查找。",
                f"There is no proposal {proposal_id}; look for it under “Record reviews”.",
            )
        )
    return found[0], found[1]


def open_of(work: Work, dataset_id: str) -> ProposalRow | None:
    """The proposal on this record that waits for a decision or for its moment; there is one at most."""
    wanted = select(ProposalRow).where(
        ProposalRow.dataset_id == dataset_id, col(ProposalRow.state).in_(WAITING)
    )
    return work.db.exec(wanted).first()


def writers(work: Work, dataset_id: str) -> list[str]:
    """The persons who wrote what stands in a draft, by the audit record."""
    wanted = (
        select(AuditEventRow.actor_person)
        .where(AuditEventRow.dataset_id == dataset_id, col(AuditEventRow.kind).in_(_WRITINGS))
        .distinct()
    )
    return sorted(person for person in work.db.exec(wanted) if person != "system")
