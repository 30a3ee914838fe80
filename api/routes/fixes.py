"""Proposals to mend the source, because a rule keeps failing (举一反三)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.tickets import queries, recurring
from datasets.tickets.models import FixDecision, FixRead

router = APIRouter(prefix="/api/v1/fixes", tags=["tickets"])
_READ, _WORK = "datasets:ticket:read", "datasets:ticket:work"


@router.get("", **access(_READ))
def list_fixes(
    work: ReadDep,
    actor: ActorDep,
    state: Annotated[list[Literal["proposed", "accepted", "rejected", "settled"]] | None, Query()] = None,
    dataset_id: str = "",
) -> dict[str, Any]:
    """Rules that keep failing, each with its trend over the last deliveries and its tickets; newest first."""
    found = recurring.listed(work, actor, states=tuple(state or ()), dataset_id=dataset_id)
    return {"items": found, "total": len(found), "next": None}


@router.get("/{fix_id}", **access(_READ))
def show_fix(work: ReadDep, actor: ActorDep, fix_id: str) -> FixRead:
    """One proposal."""
    return recurring.read(work, actor, queries.fix(work, actor, fix_id))


@router.post("/{fix_id}/accept", **access(_WORK))
def accept_fix(work: WorkDep, actor: ActorDep, fix_id: str, body: FixDecision) -> FixRead:
    """The department mends the source by a planned date; an accepted proposal may be planned anew."""
    return recurring.decide(work, actor, fix_id, body, accepts=True)


@router.post("/{fix_id}/reject", **access(_WORK))
def reject_fix(work: WorkDep, actor: ActorDep, fix_id: str, body: FixDecision) -> FixRead:
    """The department will not, and says why."""
    return recurring.decide(work, actor, fix_id, body, accepts=False)
