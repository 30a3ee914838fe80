"""The page of a grant's keys: who reads it by program, from where, until when; making and ending them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, WorkDep
from api.errors import status_of
from api.house import House
from api.late import APIRouter
from api.pages.oauth import PATH
from api.web import go, page
from auth.actor import Actor
from auth.grants import keys, queries
from auth.grants.keys import GRANT_SCOPES, GrantKeyCreate
from auth.identity.api_keys import ApiKeyMade
from core.errors import AppError, InputRefused
from core.ids import GrantId
from core.text import Text

router = APIRouter(prefix="/grants/{grant_id}/keys", tags=["pages"])
SCOPE_NAMES = {
    "auth:grant:read": Text("查看本授权", "See this grant"),
    "datasets:extract:read": Text("查看本授权的提取", "See extracts of this grant"),
    "datasets:extract:request": Text("提取与下载", "Take and download extracts"),
    "datasets:share:read": Text("在线读取", "Read in place"),
}


@router.get("", response_class=HTMLResponse, **access("auth:grant:read"))
def keys_page(request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId) -> HTMLResponse:
    """Every key of the grant, and the form for another."""
    return _page(request, house, actor, grant_id)


@router.post("", response_class=HTMLResponse, **access("datasets:share:read"))
def make_key(
    request: Request, house: HouseDep, actor: ActorDep, grant_id: GrantId,
    name: Annotated[str, Form(max_length=80)] = "", days: Annotated[str, Form(max_length=10)] = "90",
    scopes: Annotated[list[str] | None, Form()] = None, networks: Annotated[str, Form(max_length=2000)] = "",
    jwks: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:  # fmt: skip
    """Make a key and show it this once; a refusal keeps what was typed."""
    typed: dict[str, object] = {
        "name": name,
        "days": days,
        "scopes": scopes or [],
        "networks": networks,
        "jwks": jwks,
    }
    try:
        ask = GrantKeyCreate.model_validate(
            {"name": name.strip(), "days": days, "scopes": scopes or [], "networks": networks.replace(",", " ").split(), "jwks": jwks}
        )  # fmt: skip
        with house.write() as work:
            made = keys.create(work, actor, grant_id, ask)
    except ValidationError:
        wrong = Text(
            "请填写用途名称；有效期为 1 至 180 天；公钥集不得过长。",
            "Give the key a name and 1 to 180 days; the key set may not be too long.",
        )
        return _page(request, house, actor, grant_id, error=InputRefused(wrong, field="name"), typed=typed)
    except AppError as refused:
        return _page(request, house, actor, grant_id, error=refused, typed=typed)
    return _page(request, house, actor, grant_id, made=made)


@router.post("/{key_id}/revoke", **access("auth:grant:read"))
def end_key(work: WorkDep, actor: ActorDep, grant_id: GrantId, key_id: str) -> Response:
    """End a key."""
    keys.revoke(work, actor, grant_id, key_id)
    return go(f"/grants/{grant_id}/keys", Text("密钥已吊销。", "The key was revoked."))


def _page(
    request: Request, house: House, actor: Actor, grant_id: GrantId, *, error: AppError | None = None,
    made: ApiKeyMade | None = None, typed: dict[str, object] | None = None,
) -> HTMLResponse:  # fmt: skip
    with house.read() as work:
        row = queries.row(work, grant_id, actor)
        found = keys.listed(work, actor, grant_id)
    options = [(name, SCOPE_NAMES[name]) for name in GRANT_SCOPES if actor.may_in(name, row.org_id)]
    return page(
        request, "grants/keys.html", status=status_of(error) if error else 200, found=row, keys=found, made=made,
        error=error, typed=typed or {"name": "", "days": 90, "scopes": [], "networks": "", "jwks": ""},
        scope_options=options, scope_names=SCOPE_NAMES, may_make=actor.may_in("datasets:share:read", row.org_id),
        may_end_all=keys.may_end(actor, row), token_endpoint=house.settings.public_url.rstrip("/") + PATH,
    )  # fmt: skip
