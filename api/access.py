"""Every route says who may call it. `access(name)` puts the rule into the route and into the OpenAPI document at once.

`name` is `public`, `signed-in`, or a permission of `auth.roles.PERMISSIONS`. A test walks the document and fails on a route without one.
"""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api import second_factor
from api.deps import ActorDep, HouseDep
from api.replay import replay_of
from api.witnessed import reads_personal
from auth.actor import Actor
from auth.roles import FRESH_FACTOR, PERMISSIONS
from core.errors import AccessRefused, NotSignedIn, Reason, SecondFactorNeeded
from core.text import Text

PUBLIC: Final = "public"
SIGNED_IN: Final = "signed-in"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


# What belongs to an account and not to a permission; a key bound to one grant reaches no more of it than this.
_BOUND: Final = re.compile(r"/api/v1/(me|me/api-keys(/[^/]+)?|jobs(/.*)?|audit/proof/.*)")


def _bound() -> AccessRefused:
    text = Text(
        "这把密钥只用于一项授权，不能办理账户事务；请登录后办理。",
        "This key serves one grant and nothing of the account; sign in for that.",
    )
    return AccessRefused(text, reasons=[Reason("key-for-one-grant", text, "keys of a grant")])


async def csrf_checked(request: Request, actor: ActorDep) -> None:
    """A change asked for by cookie must carry the session's token, as form field `csrf` or header `X-CSRF-Token`."""
    if request.method in _SAFE or actor.via != "session":
        return
    given = request.headers.get("x-csrf-token", "")
    if not given and _is_form(request):
        given = str((await request.form()).get("csrf", ""))
    if not secrets.compare_digest(given.encode(), (request.state.csrf or "\0").encode()):
        text = Text(
            "表单已失效（缺少或错误的防伪令牌）；请刷新页面后重试。",
            "The form has gone stale (missing or wrong anti-forgery token); reload the page and try again.",
        )
        raise AccessRefused(text, reasons=[Reason("csrf", text, "OWASP CSRF")])


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "")
    return kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data"))


async def given_code(request: Request) -> str:
    """The second factor that came along; what a form holds is kept, so that asking for a code loses nothing."""
    given = request.headers.get(second_factor.HEADER, "")
    if request.method not in _SAFE and _is_form(request):
        items = (await request.form()).multi_items()
        request.state.typed = [(key, value) for key, value in items if isinstance(value, str)]
        given = given or next((value for key, value in request.state.typed if key == second_factor.FIELD), "")
    return given.strip()[:80]


async def _enrolled(request: Request, actor: Actor) -> None:
    """Raise SecondFactorNeeded unless one is enrolled; what a form holds is kept then."""
    try:
        await run_in_threadpool(second_factor.demand_enrolled, request.app.state.house, actor)
    except SecondFactorNeeded:
        await given_code(request)
        raise


def access(name: str, *, personal: str | None = None) -> dict[str, Any]:
    """Keyword arguments for a route decorator: `@router.get("/x", **access("auth:grant:read"))`.

    personal: the route shows personal data, so that who reads it is recorded; the path's parameter that says whose, or "".
    """
    if name not in (PUBLIC, SIGNED_IN) and name not in PERMISSIONS:
        raise ValueError(f"unknown permission {name!r}: add it to auth.roles.PERMISSIONS")

    async def guard(request: Request, actor: ActorDep, _csrf: Annotated[None, Depends(csrf_checked)]) -> None:
        if name == PUBLIC:
            return
        if name == SIGNED_IN:
            if not actor.is_signed_in:
                raise NotSignedIn(Text("请先登录再继续。", "Sign in to go on."))
            if actor.grant is not None and not _BOUND.fullmatch(request.url.path):
                raise _bound()
            return
        actor.demand(name)
        if request.method not in _SAFE and second_factor.acts_unproven(request.app.state.house, actor, name):
            await _enrolled(request, actor)

    async def fresh_guard(
        request: Request, house: HouseDep, actor: ActorDep, code: Annotated[str, Depends(given_code)]
    ) -> None:
        if request.method not in _SAFE and not second_factor.is_never_asked(house, actor):
            await run_in_threadpool(second_factor.demand_fresh, house, actor, code)

    fresh = [Depends(fresh_guard)] if name in FRESH_FACTOR else []
    reads = [] if personal is None else reads_personal(personal)
    dependencies = [Depends(guard), *fresh, *reads, *replay_of(name)]
    return {"dependencies": dependencies, "openapi_extra": {"x-access": name}}
