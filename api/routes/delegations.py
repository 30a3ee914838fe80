"""Leave cover: name a deputy, agree, decline, end."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.casework.book import CaseStep
from auth.delegations import service
from auth.delegations.service import ANSWER, NAME, READ, DelegationCreate, DelegationRead
from auth.delegations.workflow import State, Step

router = APIRouter(prefix="/api/v1/delegations", tags=["delegations"])


@router.get("", **access(READ))
def list_delegations(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Delegations to which the caller is a party (watchers: all), newest first."""
    found, total = service.delegations(work, actor, state=state or "", offset=offset, limit=limit)
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("", status_code=201, **access(NAME))
def name_deputy(work: WorkDep, actor: ActorDep, body: DelegationCreate) -> DelegationRead:
    """Name a deputy for some days and a scope of one's own; it counts once the deputy has agreed."""
    return service.offer(work, actor, body)


@router.get("/{delegation_id}", **access(READ))
def show_delegation(work: ReadDep, actor: ActorDep, delegation_id: str) -> DelegationRead:
    """One delegation; `counts_today` is computed."""
    return service.delegation(work, actor, delegation_id)


@router.post("/{delegation_id}/accept", **access(ANSWER))
def accept_delegation(work: WorkDep, actor: ActorDep, delegation_id: str, body: CaseStep) -> DelegationRead:
    """Agree to stand in."""
    return service.answer(work, actor, delegation_id, Step.ACCEPT, body)


@router.post("/{delegation_id}/decline", **access(ANSWER))
def decline_delegation(work: WorkDep, actor: ActorDep, delegation_id: str, body: CaseStep) -> DelegationRead:
    """Decline, with a reason."""
    return service.answer(work, actor, delegation_id, Step.DECLINE, body)


@router.post("/{delegation_id}/end", **access(ANSWER))
def end_delegation(work: WorkDep, actor: ActorDep, delegation_id: str, body: CaseStep) -> DelegationRead:
    """End it at once; either of the two may."""
    return service.answer(work, actor, delegation_id, Step.END, body)
