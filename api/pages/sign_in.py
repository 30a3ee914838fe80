"""Signing in and out, for people."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import access
from api.deps import ActorDep, HouseDep, WorkDep
from api.errors import status_of
from api.house import House
from api.identity import SESSION_COOKIE, prove_password, start_session
from api.sample.people import PASSWORD, is_seeded
from api.web import go, page
from auth.identity import accounts, sessions
from auth.roles import ROLE_NAMES
from core.errors import AccessRefused, NotSignedIn, Reason, TooMany
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
    answer = go(local_path(next))
    start_session(house, request, who, answer)
    return answer


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
    )  # fmt: skip
