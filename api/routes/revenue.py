"""Revenue of operators by year against their caps."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.caps import service as caps
from auth.caps.service import PROPOSE, CapRead
from auth.revenue import service
from auth.revenue.service import READ, RevenueCapCreate

router = APIRouter(prefix="/api/v1/revenue", tags=["supervision"])


@router.get("", **access(READ))
def list_revenue(
    work: ReadDep,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    org_id: Annotated[str, Query(max_length=60)] = "",
) -> dict[str, Any]:
    """What each operator took in a year, its cap, what the year before takes away, and the excess."""
    found = service.revenue(work, year=year, org_id=org_id)
    return {"items": found, "total": len(found)}


@router.post("/caps", status_code=201, **access(PROPOSE))
def propose_revenue_cap(work: WorkDep, actor: ActorDep, body: RevenueCapCreate) -> CapRead:
    """Propose the highest revenue of an operator in a year; it counts once a second person has confirmed it (`/api/v1/caps`)."""
    return caps.propose_revenue(work, actor, body)
