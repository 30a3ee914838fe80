"""The API keys of all accounts, for those who watch over them."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Query

from api.access import access
from api.deps import Offset, ReadDep
from api.late import APIRouter
from auth.identity import api_keys

router = APIRouter(prefix="/api/v1/api-keys", tags=["users"])
IS_LIVE = {"live": True, "ended": False}


@router.get("", **access("auth:key:read", personal=""))
def list_all_keys(
    work: ReadDep,
    q: str = Query("", max_length=80),
    org: str = Query("", max_length=60),
    state: Literal["", "live", "ended"] = "",
    limit: int = Query(50, ge=1, le=200),
    offset: Offset = 0,
) -> dict[str, Any]:
    """Everybody's keys without their secrets, newest first; `q` looks in names of keys, user names and ids. One is ended by `DELETE /api/v1/me/api-keys/{key_id}`."""
    found, total = api_keys.everybody(
        work, query=q, org_id=org, is_live=IS_LIVE.get(state), limit=limit, offset=offset
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}
