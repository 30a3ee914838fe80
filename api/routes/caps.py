"""Proposed caps of prices and of revenue: the dry run, and the second person's answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.caps import foreseen, service
from auth.caps.foreseen import CapEffects
from auth.caps.service import CONFIRM, READ, CapRead, Kind
from auth.caps.workflow import State, Step
from auth.casework.book import CaseStep

router = APIRouter(prefix="/api/v1/caps", tags=["products"])


@router.get("", **access(READ))
def list_caps(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    kind: Kind | None = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Caps that were proposed, newest first: prices (`fee`) and revenue."""
    found, total = service.listed(work, actor, state=state or "", kind=kind or "", offset=offset, limit=limit)
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/{cap_id}", **access(READ))
def show_cap(work: ReadDep, actor: ActorDep, cap_id: str) -> CapRead:
    """One proposed cap."""
    return service.cap(work, actor, cap_id)


@router.get("/{cap_id}/dry-run", **access(READ))
def dry_run(work: ReadDep, actor: ActorDep, cap_id: str) -> CapEffects:
    """What would be over it: products on offer, charges entered since its first day, an operator's years; nothing is changed."""
    return foreseen.effects(work, actor, cap_id)


@router.post("/{cap_id}/confirm", **access(CONFIRM))
def confirm_cap(work: WorkDep, actor: ActorDep, cap_id: str, body: CaseStep) -> CapRead:
    """Put it in force, as another person than the one who proposed it."""
    return service.step(work, actor, cap_id, Step.CONFIRM, body)


@router.post("/{cap_id}/reject", **access(CONFIRM))
def reject_cap(work: WorkDep, actor: ActorDep, cap_id: str, body: CaseStep) -> CapRead:
    """Do not take it: say why."""
    return service.step(work, actor, cap_id, Step.REJECT, body)
