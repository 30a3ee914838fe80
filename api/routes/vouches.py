"""Vouching for members: an enterprise's officer names those who use its grants, and ends that."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.casework.book import CaseStep
from auth.vouching import service
from auth.vouching.service import END, GIVE, READ, VouchGive, VouchRead
from auth.vouching.workflow import State

router = APIRouter(prefix="/api/v1/vouches", tags=["vouches"])


@router.get("", **access(READ))
def list_vouches(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Vouchings in the caller's sight, newest first; `unvouched`: analysts of the caller's organisation for whom nobody stands."""
    found, total = service.vouches(work, actor, state=state or "", offset=offset, limit=limit)
    following = offset + limit if offset + limit < total else None
    return {
        "items": found,
        "total": total,
        "next": following,
        "unvouched": service.unvouched(work, actor),
    }


@router.post("", status_code=201, **access(GIVE))
def give_vouch(work: WorkDep, actor: ActorDep, body: VouchGive) -> VouchRead:
    """Vouch for a member of one's own organisation; not for oneself."""
    return service.give(work, actor, body)


@router.get("/{vouch_id}", **access(READ))
def show_vouch(work: ReadDep, actor: ActorDep, vouch_id: str) -> VouchRead:
    """One vouching."""
    return service.vouch(work, actor, vouch_id)


@router.post("/{vouch_id}/end", **access(END))
def end_vouch(work: WorkDep, actor: ActorDep, vouch_id: str, body: CaseStep) -> VouchRead:
    """End it; the member uses none of the organisation's grants from now on."""
    return service.end(work, actor, vouch_id, body)
