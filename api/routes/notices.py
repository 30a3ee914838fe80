"""Following datasets, and notices about them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.notices import service
from datasets.notices.models import FollowRead

router = APIRouter(prefix="/api/v1", tags=["notices"])


@router.put("/datasets/{dataset_id}/follow", **access(SIGNED_IN))
def follow(work: WorkDep, actor: ActorDep, dataset_id: str) -> FollowRead:
    """Be told of the dataset's releases, withdrawals and breaking changes."""
    return service.follow(work, actor, dataset_id)


@router.delete("/datasets/{dataset_id}/follow", status_code=204, **access(SIGNED_IN))
def unfollow(work: WorkDep, actor: ActorDep, dataset_id: str) -> None:
    """Be told no more."""
    service.unfollow(work, actor, dataset_id)


@router.get("/me/follows", **access(SIGNED_IN))
def follows(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """What the caller follows."""
    found = service.followed(work, actor)
    return {"items": found, "total": len(found), "next": None}


@router.get("/me/notices", **access(SIGNED_IN))
def notices(
    work: ReadDep, actor: ActorDep, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> dict[str, Any]:
    """The newest notices about what the caller follows, newest first; `unread` counts the new ones."""
    found = service.notices(work, actor, limit)
    return {"items": found, "total": len(found), "unread": service.unread(work, actor), "next": None}


@router.post("/me/notices/read", status_code=204, **access(SIGNED_IN))
def mark_read(work: WorkDep, actor: ActorDep) -> None:
    """Everything so far counts as read."""
    service.mark_read(work, actor)
