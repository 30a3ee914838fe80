"""One's own saved searches."""

from __future__ import annotations

from typing import Any

from api.access import SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from catalog.search import saved
from catalog.search.saved import SavedAsk, SavedChange, SavedRead

router = APIRouter(prefix="/api/v1/me/searches", tags=["datasets"])


@router.get("", **access(SIGNED_IN))
def list_searches(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """What the caller keeps, newest first."""
    found = saved.saved(work, actor)
    return {"items": found, "total": len(found), "next": None}


@router.post("", status_code=201, **access(SIGNED_IN))
def save_search(work: WorkDep, actor: ActorDep, body: SavedAsk) -> SavedRead:
    """Keep a search, and be told of records that are new in it or have changed."""
    return saved.save(work, actor, body)


@router.patch("/{search_id}", **access(SIGNED_IN))
def change_search(work: WorkDep, actor: ActorDep, search_id: str, body: SavedChange) -> SavedRead:
    """Be told from now on, or no more."""
    return saved.change(work, actor, search_id, body)


@router.delete("/{search_id}", status_code=204, **access(SIGNED_IN))
def remove_search(work: WorkDep, actor: ActorDep, search_id: str) -> None:
    """Keep it no longer."""
    saved.remove(work, actor, search_id)
