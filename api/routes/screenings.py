"""Accepting several applications at once: what waits, with what stands against each, and what became of each."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, Offset, ReadDep
from api.late import APIRouter
from auth.applications import accepting
from auth.applications.accepting import SCREEN, AcceptedMany, AcceptMany, LookAt

router = APIRouter(prefix="/api/v1/screenings", tags=["applications"])


@router.get("", **access(SCREEN))
def list_screenings(
    work: ReadDep,
    actor: ActorDep,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Applications that wait for the caller to be accepted, the most urgent first, each with every reason that stands against it now."""
    items, total = accepting.candidates(work, actor, offset=offset, limit=limit)
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/look", **access(SCREEN))
def look_at_screenings(work: ReadDep, actor: ActorDep, body: LookAt) -> dict[str, Any]:
    """What accepting these would do, one by one: what stands against each, and the papers that may follow with their days. Nothing is done."""
    items = accepting.look(work, actor, body)
    return {"items": items, "total": len(items), "next": None}


@router.post("/accept", **access(SCREEN))
def accept_screenings(house: HouseDep, actor: ActorDep, body: AcceptMany) -> AcceptedMany:
    """Accept several for review, each by itself and on record by itself. One that is refused stops none of the others: `items` says of each
    what became of it and why. Papers that lack are named by the item (`missing`), as `/screenings/look` lists them. Accepting is not taken
    back: what was accepted by mistake is sent back by `POST /api/v1/applications/{id}/return`."""
    return accepting.accept_many(house.write, actor, body)
