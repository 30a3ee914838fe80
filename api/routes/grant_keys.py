"""Keys bound to one grant."""

from __future__ import annotations

from typing import Any

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.grants import keys
from auth.grants.keys import GrantKeyCreate
from auth.identity.api_keys import ApiKeyMade, ApiKeyRead
from core.ids import GrantId

router = APIRouter(prefix="/api/v1/grants/{grant_id}/keys", tags=["grants"])


@router.get("", **access("auth:grant:read"))
def list_grant_keys(work: ReadDep, actor: ActorDep, grant_id: GrantId) -> dict[str, Any]:
    """The keys bound to the grant, without their secrets, newest first."""
    found = keys.listed(work, actor, grant_id)
    return {"items": found, "total": len(found), "next": None}


@router.post("", status_code=201, **access("datasets:share:read"))
def make_grant_key(work: WorkDep, actor: ActorDep, grant_id: GrantId, body: GrantKeyCreate) -> ApiKeyMade:
    """A key for this grant alone. `key` is in this answer and nowhere else; with `jwks` there is none, and `id` is the client id."""
    return keys.create(work, actor, grant_id, body)


@router.delete("/{key_id}", **access("auth:grant:read"))
def end_grant_key(work: WorkDep, actor: ActorDep, grant_id: GrantId, key_id: str) -> ApiKeyRead:
    """End a key at once: one's own, or any for an officer of the holder or a security officer."""
    return keys.revoke(work, actor, grant_id, key_id)
