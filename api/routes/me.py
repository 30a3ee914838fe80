"""A person's own account: who am I, password, sessions, API keys."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.identity import change_own_password
from api.late import APIRouter
from auth.identity import accounts, api_keys, refresh, sessions
from auth.identity.accounts import AccountRead
from auth.identity.api_keys import ApiKeyCreate, ApiKeyMade, ApiKeyRead
from auth.roles import PERMISSIONS

router = APIRouter(prefix="/api/v1/me", tags=["me"])


class PasswordChange(BaseModel):
    """The present password and the new one."""

    model_config = ConfigDict(extra="forbid")
    current: str = Field(min_length=1, max_length=1024)
    new: str = Field(min_length=1, max_length=1024)


class MeRead(AccountRead):
    """The account that the proof belongs to. `permissions`: what it may do at all, under this proof."""

    via: str
    permissions: list[str]


@router.get("", **access("signed-in"))
def me(work: ReadDep, actor: ActorDep) -> MeRead:
    """Who the caller is."""
    found = accounts.account(work, actor.account_id)
    permissions = sorted(name for name in PERMISSIONS if actor.may(name))
    return MeRead.model_validate(found.model_dump() | {"via": actor.via, "permissions": permissions})


@router.post("/password", status_code=204, **access("signed-in"))
def change_password(request: Request, house: HouseDep, actor: ActorDep, body: PasswordChange) -> None:
    """Set a new password; every session and token of the account ends."""
    change_own_password(house, request, actor, body.current, body.new)


@router.get("/sessions", **access("signed-in"))
def list_sessions(work: ReadDep, actor: ActorDep, house: HouseDep) -> dict[str, Any]:
    """The caller's live browser sessions."""
    found = sessions.own(work, actor, house.settings)
    return {"items": found, "total": len(found), "next": None}


@router.delete("/sessions/{session_id}", status_code=204, **access("signed-in"))
def end_session(work: WorkDep, actor: ActorDep, session_id: str) -> None:
    """End one of the caller's own sessions."""
    sessions.end(work, actor, session_id)


@router.get("/programs", **access("signed-in"))
def list_programs(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """The programs that hold a refresh token of the caller: their name, and the key that they are bound to."""
    found = refresh.own(work, actor)
    return {"items": found, "total": len(found), "next": None}


@router.delete("/programs/{family_id}", status_code=204, **access("signed-in"))
def end_program(work: WorkDep, actor: ActorDep, family_id: str) -> None:
    """End one of them: its refresh token counts no more."""
    refresh.end(work, actor, family_id)


@router.post("/sign-out-everywhere", status_code=204, **access("signed-in"))
def sign_out_everywhere(work: WorkDep, actor: ActorDep) -> None:
    """End every session, access token and refresh token of the caller at once. API keys stay."""
    sessions.end_all(work, actor, actor.account_id)


@router.get("/api-keys", **access("signed-in"))
def list_keys(work: ReadDep, actor: ActorDep) -> dict[str, Any]:
    """The caller's API keys, without their secrets."""
    found = api_keys.own(work, actor)
    return {"items": found, "total": len(found), "next": None}


@router.post("/api-keys", status_code=201, **access("signed-in"))
def create_key(work: WorkDep, actor: ActorDep, body: ApiKeyCreate) -> ApiKeyMade:
    """Make an API key; its secret is in this answer and nowhere else."""
    return api_keys.create(work, actor, body)


@router.delete("/api-keys/{key_id}", **access("signed-in"))
def revoke_key(work: WorkDep, actor: ActorDep, key_id: str) -> ApiKeyRead:
    """Revoke one of the caller's own keys (or anybody's, for a system administrator or security officer)."""
    return api_keys.revoke(work, actor, key_id)
