"""Proposals on records: what waits for a second person, and its decision."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from catalog.proposals import service, timing
from catalog.proposals.models import (
    ProposalDecision,
    ProposalDetail,
    ProposalRead,
    ProposalReturn,
    ProposalTiming,
)

router = APIRouter(prefix="/api/v1/record-proposals", tags=["datasets"])
READ, REVIEW = "catalog:dataset:read-drafts", "catalog:dataset:review"


@router.get("", **access(READ))
def list_proposals(
    work: ReadDep,
    actor: ActorDep,
    state: Literal["", "open", "timed", "accepted", "returned", "taken_back"] = "",
    dataset_id: Annotated[str, Query(max_length=80)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Proposals of the caller's departments, newest first."""
    found, total = service.listed(work, actor, state=state, dataset_id=dataset_id, offset=offset, limit=limit)
    following = offset + limit
    return {"items": found, "total": total, "next": following if following < total else None}


@router.get("/{record_proposal_id}", **access(READ))
def show_proposal(work: ReadDep, actor: ActorDep, record_proposal_id: str) -> ProposalDetail:
    """One proposal with its difference, and the steps open to the caller."""
    return service.detail(work, actor, record_proposal_id)


@router.post("/{record_proposal_id}/accept", **access(REVIEW))
def accept_proposal(
    work: WorkDep, actor: ActorDep, record_proposal_id: str, body: ProposalDecision
) -> ProposalRead:
    """Let it stand: the record changes, or is published, in the same moment. Never by who proposed or wrote it."""
    return service.accept(work, actor, record_proposal_id, body)


@router.post("/{record_proposal_id}/accept-at", **access(REVIEW))
def accept_proposal_at(
    work: WorkDep, actor: ActorDep, record_proposal_id: str, body: ProposalTiming
) -> ProposalRead:
    """Accept it for a later moment, or move that moment: until then nobody else sees anything of it, then the worker lets it stand.

    Accepting lets it stand at once after all, returning or taking back calls it off.
    """
    return timing.accept_at(work, actor, record_proposal_id, body)


@router.post("/{record_proposal_id}/return", **access(REVIEW))
def return_proposal(
    work: WorkDep, actor: ActorDep, record_proposal_id: str, body: ProposalReturn
) -> ProposalRead:
    """Return it to its author with a reason."""
    return service.give_back(work, actor, record_proposal_id, body)


@router.post("/{record_proposal_id}/take-back", **access(REVIEW))
def take_back_proposal(
    work: WorkDep, actor: ActorDep, record_proposal_id: str, body: ProposalDecision
) -> ProposalRead:
    """Its author takes it back."""
    return service.take_back(work, actor, record_proposal_id, body)
