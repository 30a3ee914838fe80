"""Proposals to suspend grants, and the security officer's answers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.casework.book import CaseStep
from auth.suspensions import service
from auth.suspensions.service import ANSWER, READ, ProposalRead
from auth.suspensions.workflow import State

router = APIRouter(prefix="/api/v1/suspensions", tags=["grants"])


@router.get("", **access(READ))
def list_suspensions(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    grant_id: Annotated[str, Query(max_length=120)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Proposals in the caller's sight, newest first."""
    found, total = service.proposals(
        work, actor, state=state or "", grant_id=grant_id, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/{suspension_id}", **access(READ))
def show_suspension(work: ReadDep, actor: ActorDep, suspension_id: str) -> ProposalRead:
    """One proposal."""
    return service.proposal(work, actor, suspension_id)


@router.post("/{suspension_id}/suspend", **access(ANSWER))
def carry_out_suspension(work: WorkDep, actor: ActorDep, suspension_id: str, body: CaseStep) -> ProposalRead:
    """Suspend the grant for what was found; somebody else may resume it."""
    return service.carry_out(work, actor, suspension_id, body)


@router.post("/{suspension_id}/dismiss", **access(ANSWER))
def dismiss_suspension(work: WorkDep, actor: ActorDep, suspension_id: str, body: CaseStep) -> ProposalRead:
    """Let the grant go on: say why."""
    return service.dismiss(work, actor, suspension_id, body)
