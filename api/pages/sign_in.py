"""Signing in and out, for people."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import access
from api.deps import ActorDep, HouseDep, WorkDep
from api.errors import status_of
from api.house import House
from api.identity import (
    HALF_COOKIE,
    SESSION_COOKIE,
    needs_factor,
    prove_password,
    start_half,
    start_session,
)
from api.late import APIRouter
from api.oidc import is_offered
from api.sample.people import PASSWORD, is_seeded
from api.second_factor import is_to_enrol, prove
from api.web import go, page
from auth.identity import accounts, sessions
from auth.identity.principals import Principal
from auth.roles import ROLE_NAMES
from core.errors import AccessRefused, NotSignedIn, Reason, SecondFactorNeeded, TooMany
from core.text import Text

router = APIRouter(tags=["pages"])


def local_path(wish: str) -> str:
    """`wish` when it is a path on this site, else the start page: nobody is sent elsewhere from here."""
    parts = urlsplit(wish)
    is_plain = wish.startswith("/") and not wish.startswith(("//", "/\\")) and "\\" not in wish
    return wish if is_plain and not parts.scheme and not parts.netloc and wish.isprintable() else "/"


def from_this_site(request: Request) -> None:
    """Refuse a sign-in form that another site sends: it would sign the visitor in as somebody else."""
    origin = request.headers.get("origin")
    foreign_origin = origin not in (None, "null") and urlsplit(origin or "").netloc != request.headers.get(
        "host"
    )
    if foreign_origin or request.headers.get("sec-fetch-site") == "cross-site":
        text = Text("登录表单必须来自本站。", "The sign-in form must come from this site.")
        raise AccessRefused(text, reasons=[Reason("foreign-form", text, "OWASP CSRF")])


@router.get("/sign-in", response_class=HTMLResponse, **access("public"))
def sign_in_page(request: Request, house: HouseDep, actor: ActorDep, next: str = "/") -> Response:
    """The form; whoever is signed in goes on at once."""
    if actor.is_signed_in:
        return RedirectResponse(local_path(next), 303)
    return _form(request, house, next=next)


@router.post("/sign-in", response_class=HTMLResponse, **access("public"))
def sign_in(
    request: Request,
    house: HouseDep,
    username: Annotated[str, Form(max_length=80)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Password to session cookie. A refusal keeps the name that was typed."""
    from_this_site(request)
    try:
        who = prove_password(house, request, username, password)
    except (NotSignedIn, TooMany) as refused:
        return _form(request, house, next=next, username=username, error=refused)
    if needs_factor(house, who):
        answer = go(f"/sign-in/code?next={quote(local_path(next))}")
        start_half(house, request, who, answer)
        return answer
    if is_to_enrol(house, who.actor):
        answer = go(
            "/me/second-factor",
            Text(
                "您的角色须先绑定动态验证才能办理。", "Your roles act only once a second factor is enrolled."
            ),
            "warning",
        )
    else:
        answer = go(local_path(next))
    start_session(house, request, who, answer)
    return answer


@router.get("/sign-in/code", response_class=HTMLResponse, **access("public"))
def code_page(request: Request, house: HouseDep, actor: ActorDep, next: str = "/") -> Response:
    """The form for the second factor, after the password."""
    if actor.is_signed_in:
        return RedirectResponse(local_path(next), 303)
    if _half(request, house) is None:
        return RedirectResponse(f"/sign-in?next={quote(local_path(next))}", 303)
    return page(request, "sign_in/code.html", next=local_path(next), error=None)


@router.post("/sign-in/code", response_class=HTMLResponse, **access("public"))
def give_code(
    request: Request,
    house: HouseDep,
    otp: Annotated[str, Form(max_length=80)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Code to session cookie. A half session that is over begins with the password again."""
    from_this_site(request)
    token = request.cookies.get(HALF_COOKIE, "")
    if (who := _half(request, house)) is None:
        return go(
            f"/sign-in?next={quote(local_path(next))}",
            Text("等待时间过长，请重新登录。", "That took too long; sign in again."),
            "warning",
        )
    try:
        prove(house, who.actor, otp, fresh=False)
    except (SecondFactorNeeded, TooMany) as refused:
        return page(
            request,
            "sign_in/code.html",
            status=status_of(refused),
            next=local_path(next),
            error=refused.detail,
        )
    answer = go(local_path(next))
    start_session(house, request, who, answer, instead_of=token)
    return answer


def _half(request: Request, house: House) -> Principal | None:
    with house.read() as work:
        return sessions.half_owner(work, request.cookies.get(HALF_COOKIE, ""))


@router.post("/sign-out", **access("public"))
def sign_out(work: WorkDep, actor: ActorDep) -> Response:
    """End this session."""
    answer = go("/", Text("您已退出。", "You are signed out."))
    if actor.via == "session" and actor.session_id:
        sessions.end(work, actor, actor.session_id)
        answer.delete_cookie(SESSION_COOKIE)
    return answer


def _form(
    request: Request,
    house: House,
    *,
    next: str,
    username: str = "",
    error: NotSignedIn | TooMany | None = None,
) -> HTMLResponse:
    demo = []
    password = PASSWORD if house.settings.demo and is_seeded(house) else None
    if house.settings.demo:
        with house.read() as work:
            found, _ = accounts.accounts(work, limit=200)
        demo = [row for row in found if row.has_password and not row.disabled]
    return page(
        request, "sign_in/form.html", status=status_of(error) if error else 200, next=local_path(next),
        username=username, error=error.detail if error else None, demo_accounts=demo,
        demo_password=password, role_names=ROLE_NAMES,
        oidc_name=house.settings.oidc_name if is_offered(house.settings) else None,
    )  # fmt: skip
