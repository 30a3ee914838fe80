"""Releases whose retention ends soon."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep
from api.late import APIRouter
from datasets.releases import ending
from datasets.releases.retention import RETIRE

router = APIRouter(prefix="/api/v1/retention", tags=["releases"])


@router.get("", **access(RETIRE))
def ending_releases(
    work: ReadDep,
    actor: ActorDep,
    within_days: Annotated[int, Query(ge=0, le=ending.LONGEST)] = ending.WITHIN,
) -> dict[str, Any]:
    """Superseded releases whose time is over within so many days, soonest first: those retired by the clock, and those
    that a person retires."""
    found = ending.soon(work, actor, within_days)
    return {"items": found, "total": len(found), "next": None}
