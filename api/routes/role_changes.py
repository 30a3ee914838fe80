"""Changes that wait for a second person, and break-glass."""

from __future__ import annotations

from typing import Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.identity import changes, credentials
from auth.identity.changes import ChangeRead, GlassAsk

router = APIRouter(prefix="/api/v1", tags=["users"])


class Note(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")
    note: str = Field(default="", max_length=500)


@router.get("/role-changes", **access("auth:user:read"))
def list_changes(
    work: ReadDep,
    actor: ActorDep,
    waiting: bool = False,
    limit: int = Query(50, ge=1, le=200),
    offset: int = Query(0, ge=0, le=1_000_000),
) -> dict[str, Any]:
    """Changes, newest first; `waiting`: those still to be answered."""
    items, total = changes.changes(work, actor, waiting=waiting, limit=limit, offset=offset)
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("/role-changes/{change_id}/confirm", **access("auth:glass:use"))
def confirm(work: WorkDep, actor: ActorDep, change_id: str) -> ChangeRead:
    """The second person agrees; not whoever asked, nor whom it concerns. All but break-glass take a system administrator."""
    return credentials.confirm(work, actor, change_id)


@router.post("/role-changes/{change_id}/refuse", **access("auth:glass:use"))
def refuse(work: WorkDep, actor: ActorDep, change_id: str, body: Note) -> ChangeRead:
    """The second person says no; the first one takes it back."""
    return changes.refuse(work, actor, change_id, body.note)


@router.post("/break-glass", status_code=201, **access("auth:glass:use"))
def break_glass(work: WorkDep, actor: ActorDep, body: GlassAsk) -> ChangeRead:
    """Ask for a role for a few hours, in an emergency; another system administrator or security officer confirms."""
    return changes.read(work, actor, changes.ask_glass(work, actor, body))


@router.post("/break-glass/{change_id}/close", **access("auth:glass:use"))
def close(work: WorkDep, actor: ActorDep, change_id: str) -> ChangeRead:
    """End it before its time."""
    return changes.close_glass(work, actor, change_id)
