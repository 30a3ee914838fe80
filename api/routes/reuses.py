"""What people made of datasets: suggested by whoever signed in, shown once the department has agreed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query

from api.access import PUBLIC, SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from catalog.reuses import service
from catalog.reuses.models import ReuseCreate, ReuseDecision, ReuseRead
from catalog.reuses.workflow import ReuseStep

router = APIRouter(prefix="/api/v1/reuses", tags=["datasets"])
WRITE = "catalog:dataset:write"


@router.get("", **access(PUBLIC))
def list_reuses(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: Annotated[str, Query(max_length=80)] = "",
    state: Literal["", "suggested", "shown", "declined", "removed", "taken-back"] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Reuses that are shown, the caller's own, and those that his department judges; newest first."""
    found, total = service.listed(work, actor, dataset_id=dataset_id, state=state, offset=offset, limit=limit)
    following = offset + limit
    return {"items": found, "total": total, "next": following if following < total else None}


@router.post("", status_code=201, **access(SIGNED_IN))
def suggest_reuse(
    work: WorkDep, actor: ActorDep, dataset_id: Annotated[str, Query(max_length=80)], body: ReuseCreate
) -> ReuseRead:
    """Suggest one for a published dataset; its department judges it. At most ten an hour (429)."""
    return service.suggest(work, actor, dataset_id, body)


@router.get("/{reuse_id}", **access(PUBLIC))
def show_reuse(work: ReadDep, actor: ActorDep, reuse_id: str) -> ReuseRead:
    """One reuse, and the steps open to the caller."""
    return service.reuse(work, actor, reuse_id)


@router.post("/{reuse_id}/show", **access(WRITE))
def make_public(work: WorkDep, actor: ActorDep, reuse_id: str, body: ReuseDecision) -> ReuseRead:
    """The department shows it on the dataset's page; never who suggested it."""
    return service.step(work, actor, reuse_id, ReuseStep.SHOW, body)


@router.post("/{reuse_id}/decline", **access(WRITE))
def decline(work: WorkDep, actor: ActorDep, reuse_id: str, body: ReuseDecision) -> ReuseRead:
    """The department does not show it, with its reason."""
    return service.step(work, actor, reuse_id, ReuseStep.DECLINE, body)


@router.post("/{reuse_id}/remove", **access(WRITE))
def remove(work: WorkDep, actor: ActorDep, reuse_id: str, body: ReuseDecision) -> ReuseRead:
    """The department takes it off again, with its reason."""
    return service.step(work, actor, reuse_id, ReuseStep.REMOVE, body)


@router.post("/{reuse_id}/take-back", **access(SIGNED_IN))
def take_back(work: WorkDep, actor: ActorDep, reuse_id: str, body: ReuseDecision) -> ReuseRead:
    """Its author no longer wants it shown."""
    return service.step(work, actor, reuse_id, ReuseStep.TAKE_BACK, body)
