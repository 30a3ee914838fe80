"""The API keys of all accounts: `/admin/api-keys`."""

from __future__ import annotations

from typing import Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import org_names
from api.routes.api_keys import IS_LIVE
from api.web import go, page, page_number
from auth.identity import api_keys
from core.text import Text

router = APIRouter(prefix="/admin/api-keys", include_in_schema=True, tags=["pages"])
STATES: Final = [
    ("", Text("全部", "All")),
    ("live", Text("有效", "Live")),
    ("ended", Text("已失效", "Ended")),
]


@router.get("", response_class=HTMLResponse, **access("auth:key:read", personal=""))
def list_page(request: Request, work: ReadDep, q: str = "", org: str = "", state: str = "") -> HTMLResponse:
    """Everybody's keys, searched and paged."""
    found, total = api_keys.everybody(
        work, query=q[:80], org_id=org[:60], is_live=IS_LIVE.get(state), limit=cases.PER_PAGE, offset=cases.offset(request)
    )  # fmt: skip
    return page(
        request, "admin/api_keys.html", rows=found, total=total, number=page_number(request),
        pages=max(1, -(-total // cases.PER_PAGE)), q=q, org=org, state=state, states=STATES, orgs=org_names(work),
    )  # fmt: skip


@router.post("/{key_id}/revoke", **access("auth:key:end"))
def revoke(work: WorkDep, actor: ActorDep, key_id: str) -> Response:
    """End a key of anybody's."""
    api_keys.revoke(work, actor, key_id)
    return go("/admin/api-keys", Text("密钥已吊销。", "The key was revoked."))
