"""Every route says who may call it. `access(name)` puts the rule into the route and into the OpenAPI document at once.

`name` is `public`, `signed-in`, or a permission of `auth.roles.PERMISSIONS`. A test walks the document and fails on a route without one.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from api.deps import ActorDep
from api.witnessed import reads_personal
from auth.roles import PERMISSIONS
from core.errors import AccessRefused, NotSignedIn, Reason
from core.text import Text

PUBLIC: Final = "public"
SIGNED_IN: Final = "signed-in"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


async def csrf_checked(request: Request, actor: ActorDep) -> None:
    """A change asked for by cookie must carry the session's token, as form field `csrf` or header `X-CSRF-Token`."""
    if request.method in _SAFE or actor.via != "session":
        return
    given = request.headers.get("x-csrf-token", "")
    if not given and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        given = str((await request.form()).get("csrf", ""))
    if not secrets.compare_digest(given.encode(), (request.state.csrf or "\0").encode()):
        text = Text(
            "表单已失效（缺少或错误的防伪令牌）；请刷新页面后重试。",
            "The form has gone stale (missing or wrong anti-forgery token); reload the page and try again.",
        )
        raise AccessRefused(text, reasons=[Reason("csrf", text, "OWASP CSRF")])


def access(name: str, *, personal: str | None = None) -> dict[str, Any]:
    """Keyword arguments for a route decorator: `@router.get("/x", **access("auth:grant:read"))`.

    personal: the route shows personal data, so that who reads it is recorded; the path's parameter that says whose, or "".
    """
    if name not in (PUBLIC, SIGNED_IN) and name not in PERMISSIONS:
        raise ValueError(f"unknown permission {name!r}: add it to auth.roles.PERMISSIONS")

    def guard(actor: ActorDep, _csrf: Annotated[None, Depends(csrf_checked)]) -> None:
        if name == PUBLIC:
            return
        if name == SIGNED_IN:
            if not actor.is_signed_in:
                raise NotSignedIn(Text("请先登录再继续。", "Sign in to go on."))
            return
        actor.demand(name)

    reads = [] if personal is None else reads_personal(personal)
    return {"dependencies": [Depends(guard), *reads], "openapi_extra": {"x-access": name}}
