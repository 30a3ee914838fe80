"""Incidents: freeze a dataset, a grant or an organisation at once; lift by another person."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, Offset, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import assets
from auth.casework.book import CaseStep
from auth.incidents import service
from auth.incidents.service import IncidentCreate, IncidentRead
from auth.incidents.workflow import State

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])
_READ, _FREEZE = "auth:incident:read", "auth:incident:freeze"


@router.get("", **access(_READ))
def list_incidents(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    target_id: str = "",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Freezes in the caller's sight, newest first; none is ever deleted."""
    found, total = service.incidents(
        work, actor, state=state or "", target=target_id, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("", status_code=201, **access(_FREEZE))
def freeze(work: WorkDep, actor: ActorDep, body: IncidentCreate) -> IncidentRead:
    """Freeze now: extracts, open downloads and rows stop, those under way are cut."""
    return service.freeze(work, actor, body, assets=partial(assets, work))


@router.get("/{incident_id}", **access(_READ))
def show_incident(work: ReadDep, actor: ActorDep, incident_id: str) -> IncidentRead:
    """One incident."""
    return service.incident(work, actor, incident_id)


@router.post("/{incident_id}/lift", **access(_FREEZE))
def lift_incident(work: WorkDep, actor: ActorDep, incident_id: str, body: CaseStep) -> IncidentRead:
    """Lift the freeze; not by whoever froze."""
    return service.lift(work, actor, incident_id, body)
