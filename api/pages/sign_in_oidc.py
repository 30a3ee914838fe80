"""Signing in at the bureau's identity provider (OpenID Connect), and links of identities to accounts."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from api import oidc
from api.access import access
from api.deps import ActorDep, HouseDep
from api.errors import status_of
from api.forms import tried
from api.identity import needs_factor, start_half, start_session
from api.late import APIRouter
from api.pages.admin import CHANGE_ASKED, user_page
from api.pages.sign_in import local_path
from api.second_factor import is_to_enrol
from api.web import go, page
from auth.identity import credentials, links
from auth.identity.links import LinkAsk
from core.errors import AppError, InputRefused, NotFound
from core.text import Text

router = APIRouter(include_in_schema=True, tags=["pages"])
NEXT = "dg_oidc_next"


@router.get("/sign-in/oidc", response_class=HTMLResponse, **access("public"))
def begin(house: HouseDep, next: str = "/") -> Response:
    """Off to the provider; the answer counts only in this browser."""
    if not oidc.is_offered(house.settings):
        raise NotFound(Text("本系统没有启用统一身份认证。", "No identity provider is set up here."))
    seed, address = oidc.begin(house)
    answer = RedirectResponse(address, 303)
    how = {
        "max_age": 600,
        "httponly": True,
        "samesite": "lax",
        "secure": house.settings.secure_cookies,
        "path": oidc.PATH,
    }
    answer.set_cookie(oidc.COOKIE, seed, **how)  # type: ignore[arg-type]
    answer.set_cookie(NEXT, quote(local_path(next)), **how)  # type: ignore[arg-type]
    return answer


@router.get("/sign-in/oidc/callback", response_class=HTMLResponse, **access("public"))
def callback(request: Request, house: HouseDep) -> Response:
    """Back from the provider: to a session, to the second factor, or to a page that says what is missing."""
    if not oidc.is_offered(house.settings):
        raise NotFound(Text("本系统没有启用统一身份认证。", "No identity provider is set up here."))
    from urllib.parse import unquote

    issuer = str(house.settings.oidc_issuer)
    wish = local_path(unquote(request.cookies.get(NEXT, "/")))
    try:
        subject = oidc.finish(house, request.cookies.get(oidc.COOKIE, ""), dict(request.query_params))
        with house.write() as work:
            who = links.signed_in(work, issuer, subject)
    except AppError as refused:
        return _clean(
            page(
                request, "sign_in/oidc.html", status=status_of(refused), error=refused, issuer="", subject=""
            )
        )
    if who is None:
        return _clean(
            page(request, "sign_in/oidc.html", status=403, error=None, issuer=issuer, subject=subject)
        )
    if needs_factor(house, who):
        answer = go(f"/sign-in/code?next={quote(wish)}")
        start_half(house, request, who, answer)
        return _clean(answer)
    answer = go("/me/second-factor" if is_to_enrol(house, who.actor) else wish)
    start_session(house, request, who, answer)
    return _clean(answer)


@router.post("/admin/users/{user}/links", response_class=HTMLResponse, **access("auth:user:admin"))
def link(
    request: Request, house: HouseDep, actor: ActorDep, user: str,
    issuer: Annotated[str, Form(max_length=300)] = "", subject: Annotated[str, Form(max_length=255)] = "",
) -> Response:  # fmt: skip
    """Ask that an identity of the provider may sign in as this account."""
    try:
        ask = LinkAsk(issuer=issuer.strip(), subject=subject.strip())
    except ValidationError:
        wrong = Text("请填写完整的签发方地址与主体标识。", "Give the issuer's address and the subject whole.")
        return user_page(request, house, user, InputRefused(wrong))
    done = tried(house, lambda work: credentials.link(work, actor, user, ask))
    if isinstance(done, AppError):
        return user_page(request, house, user, done)
    return go(f"/admin/users/{user}", CHANGE_ASKED)


@router.post("/admin/users/{user}/links/end", response_class=HTMLResponse, **access("auth:user:admin"))
def unlink(
    request: Request, house: HouseDep, actor: ActorDep, user: str,
    issuer: Annotated[str, Form(max_length=300)] = "", subject: Annotated[str, Form(max_length=255)] = "",
) -> Response:  # fmt: skip
    """End a link."""
    ask = LinkAsk.model_construct(issuer=issuer, subject=subject)
    done = tried(house, lambda work: links.unlink(work, actor, user, ask))
    if isinstance(done, AppError):
        return user_page(request, house, user, done)
    return go(f"/admin/users/{user}", Text("关联已解除。", "The link was ended."))


def _clean(answer: Response) -> Response:
    """The cookies of the sign-in have done their work, whatever came of it."""
    for name in (oidc.COOKIE, NEXT):
        answer.delete_cookie(name, path=oidc.PATH)
    return answer
