"""Revocations of grants, and the second person's answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.casework.book import CaseStep
from auth.revocations import service
from auth.revocations.opening import READ
from auth.revocations.service import ANSWER, EvidenceStep, RevocationRead
from auth.revocations.workflow import State, Step

router = APIRouter(prefix="/api/v1/revocations", tags=["grants"])


@router.get("", **access(READ))
def list_revocations(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    grant_id: Annotated[str, Query(max_length=120)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Revocations in the caller's sight, newest first."""
    found, total = service.revocations(
        work, actor, state=state or "", grant_id=grant_id, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/{revocation_id}", **access(READ))
def show_revocation(work: ReadDep, actor: ActorDep, revocation_id: str) -> RevocationRead:
    """One revocation."""
    return service.revocation(work, actor, revocation_id)


@router.post("/{revocation_id}/evidence", **access(ANSWER))
def add_evidence(work: WorkDep, actor: ActorDep, revocation_id: str, body: EvidenceStep) -> RevocationRead:
    """Add to the evidence, until a second person has answered."""
    return service.add_evidence(work, actor, revocation_id, body)


@router.post("/{revocation_id}/confirm", **access(ANSWER))
def confirm_revocation(work: WorkDep, actor: ActorDep, revocation_id: str, body: CaseStep) -> RevocationRead:
    """Confirm, as another person than the one who revoked."""
    return service.answer(work, actor, revocation_id, Step.CONFIRM, body)


@router.post("/{revocation_id}/object", **access(ANSWER))
def object_to_revocation(
    work: WorkDep, actor: ActorDep, revocation_id: str, body: CaseStep
) -> RevocationRead:
    """Do not confirm, and say why: the grant stays ended, its holder may apply anew."""
    return service.answer(work, actor, revocation_id, Step.OBJECT, body)


@router.post("/{revocation_id}/lift", **access(ANSWER))
def lift_bar(work: WorkDep, actor: ActorDep, revocation_id: str, body: CaseStep) -> RevocationRead:
    """Let the holder apply again before the bar ends, and say why."""
    return service.answer(work, actor, revocation_id, Step.LIFT, body)
