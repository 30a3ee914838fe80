"""The demand register: needs stated by people and enterprises, passed on, answered by the bureau."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Query

from api.access import PUBLIC, SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import public_title
from auth.casework.book import CaseStep
from auth.demands import service
from auth.demands.service import (
    ANSWER,
    HANDLE,
    DemandAnswer,
    DemandAssign,
    DemandCreate,
    DemandRead,
    DemandReply,
    Order,
)
from auth.demands.workflow import State, Step

router = APIRouter(prefix="/api/v1/demands", tags=["demands"])


@router.get("", **access(PUBLIC))
def list_demands(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    dataset_id: Annotated[str, Query(max_length=80)] = "",
    department_id: Annotated[str, Query(max_length=60)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    mine: bool = False,
    sort: Order = "-created",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Needs that were accepted; the bureau sees all, each his own besides."""
    found, total = service.demands(
        work, actor, state=state or "", dataset_id=dataset_id, department_id=department_id, text=q, mine=mine, sort=sort,
        offset=offset, limit=limit,
    )  # fmt: skip
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("", status_code=201, **access(SIGNED_IN))
def state_need(work: WorkDep, actor: ActorDep, body: DemandCreate) -> DemandRead:
    """State a need. It is shown once the bureau has accepted it."""
    return service.state_need(work, actor, body)


@router.get("/{demand_id}", **access(PUBLIC))
def show_demand(work: ReadDep, actor: ActorDep, demand_id: str) -> DemandRead:
    """One need and its answer."""
    return service.demand(work, actor, demand_id)


@router.post("/{demand_id}/accept", **access(ANSWER))
def accept_demand(work: WorkDep, actor: ActorDep, demand_id: str, body: CaseStep) -> DemandRead:
    """Accept it; everybody sees it from now on."""
    return service.step(work, actor, demand_id, Step.ACCEPT, body)


@router.post("/{demand_id}/dismiss", **access(ANSWER))
def dismiss_demand(work: WorkDep, actor: ActorDep, demand_id: str, body: CaseStep) -> DemandRead:
    """Dismiss it with a reason; it is never shown to the public."""
    return service.step(work, actor, demand_id, Step.DISMISS, body)


@router.post("/{demand_id}/assign", **access(ANSWER))
def assign_demand(work: WorkDep, actor: ActorDep, demand_id: str, body: DemandAssign) -> DemandRead:
    """Pass it on to a source department."""
    return service.assign(work, actor, demand_id, body)


@router.post("/{demand_id}/handle", **access(HANDLE))
def handle_demand(work: WorkDep, actor: ActorDep, demand_id: str, body: DemandReply) -> DemandRead:
    """The department replies to the bureau."""
    return service.handle(work, actor, demand_id, body)


@router.post("/{demand_id}/return", **access(HANDLE))
def return_demand(work: WorkDep, actor: ActorDep, demand_id: str, body: CaseStep) -> DemandRead:
    """The department sends it back: it is another's."""
    return service.step(work, actor, demand_id, Step.RETURN, body)


@router.post("/{demand_id}/answer", **access(ANSWER))
def answer_demand(work: WorkDep, actor: ActorDep, demand_id: str, body: DemandAnswer) -> DemandRead:
    """Answer it, pointing to datasets that everybody may see."""
    return service.answer(work, actor, demand_id, body, public_title=partial(public_title, work))


@router.put("/{demand_id}/vote", **access(SIGNED_IN))
def vote_for_demand(work: WorkDep, actor: ActorDep, demand_id: str) -> DemandRead:
    """I need this too."""
    return service.vote(work, actor, demand_id, wanted=True)


@router.delete("/{demand_id}/vote", **access(SIGNED_IN))
def unvote_demand(work: WorkDep, actor: ActorDep, demand_id: str) -> DemandRead:
    """I do not need it any more."""
    return service.vote(work, actor, demand_id, wanted=False)
