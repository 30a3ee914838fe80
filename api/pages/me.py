"""A person's own page: account, password, sessions, API keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, WorkDep
from api.errors import status_of
from api.house import House
from api.identity import SESSION_COOKIE, change_own_password
from api.late import APIRouter
from api.web import go, page
from auth.actor import Actor
from auth.identity import accounts, api_keys, refresh, sessions
from auth.identity.api_keys import ApiKeyCreate, ApiKeyMade
from auth.roles import PERMISSIONS, ROLE_NAMES
from core.errors import AppError, InputRefused
from core.text import Text

router = APIRouter(prefix="/me", include_in_schema=True, tags=["pages"])

Secret = Annotated[str, Form(max_length=1024)]


@router.get("", response_class=HTMLResponse, **access("signed-in"))
def me(request: Request, house: HouseDep, actor: ActorDep) -> HTMLResponse:
    """Who I am, where I am signed in, which keys I have."""
    return _page(request, house, actor)


@router.post("/password", response_class=HTMLResponse, **access("signed-in"))
def change_password(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    current: Secret = "",
    new: Secret = "",
    again: Secret = "",
) -> Response:
    """Set a new password; every session ends, this one too."""
    try:
        if new != again:
            raise InputRefused(
                Text("两次输入的新口令不一致。", "The two new passwords differ."), field="again"
            )
        change_own_password(house, request, actor, current, new)
    except InputRefused as refused:
        return _page(request, house, actor, error=refused)
    answer = go(
        "/sign-in?next=/me", Text("口令已更新，请重新登录。", "The password was changed; sign in again.")
    )
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.post("/sessions/{session_id}/end", **access("signed-in"))
def end_session(work: WorkDep, actor: ActorDep, session_id: str) -> Response:
    """End one of my sessions."""
    sessions.end(work, actor, session_id)
    return go("/me", Text("会话已结束。", "The session was ended."))


@router.post("/programs/{family_id}/end", **access("signed-in"))
def end_program(work: WorkDep, actor: ActorDep, family_id: str) -> Response:
    """End what one program may renew."""
    refresh.end(work, actor, family_id)
    return go("/me#programs", Text("该程序的刷新令牌已失效。", "The program's refresh token counts no more."))


@router.post("/sign-out-everywhere", **access("signed-in"))
def sign_out_everywhere(work: WorkDep, actor: ActorDep) -> Response:
    """End all of my sessions and tokens."""
    sessions.end_all(work, actor, actor.account_id)
    answer = go("/sign-in", Text("所有会话均已结束。", "Every session was ended."))
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.post("/api-keys", response_class=HTMLResponse, **access("signed-in"))
def create_key(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    name: Annotated[str, Form(max_length=80)] = "",
    days: Annotated[int, Form()] = 90,
    scopes: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Make a key and show it this once."""
    try:
        ask = ApiKeyCreate.model_validate({"name": name.strip(), "days": days, "scopes": scopes or []})
        with house.write() as work:
            made = api_keys.create(work, actor, ask)
    except ValidationError:
        wrong = Text("请填写用途名称，有效期为 1 至 180 天。", "Give the key a name and 1 to 180 days.")
        return _page(
            request, house, actor, error=InputRefused(wrong, field="name"), typed={"name": name, "days": days}
        )
    except AppError as refused:
        return _page(request, house, actor, error=refused, typed={"name": name, "days": days})
    return _page(request, house, actor, made=made)


@router.post("/api-keys/{key_id}/revoke", **access("signed-in"))
def revoke_key(work: WorkDep, actor: ActorDep, key_id: str) -> Response:
    """Revoke a key."""
    api_keys.revoke(work, actor, key_id)
    return go("/me", Text("密钥已吊销。", "The key was revoked."))


def _page(
    request: Request,
    house: House,
    actor: Actor,
    *,
    error: AppError | None = None,
    made: ApiKeyMade | None = None,
    typed: dict[str, object] | None = None,
) -> HTMLResponse:
    with house.read() as work:
        row = accounts.account(work, actor.account_id)
        mine = sessions.own(work, actor, house.settings)
        keys, programs = api_keys.own(work, actor), refresh.own(work, actor)
    return page(
        request, "me/index.html", status=status_of(error) if error else 200, row=row, sessions=mine, keys=keys,
        programs=programs, made=made, error=error, typed=typed or {"name": "", "days": 90}, role_names=ROLE_NAMES,
        permission_options=[(name, name) for name in sorted(PERMISSIONS) if actor.may(name)],
    )  # fmt: skip
