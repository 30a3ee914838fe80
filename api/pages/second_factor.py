"""A person's own second factor: enrol, new recovery codes, remove."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Request, Response
from fastapi.responses import HTMLResponse

from api import qr
from api.access import access, given_code
from api.deps import ActorDep, HouseDep
from api.errors import status_of
from api.forms import tried
from api.house import House
from api.identity import prove_own_password
from api.late import APIRouter
from api.second_factor import demand_fresh, is_due
from api.web import go, page
from auth.actor import Actor
from auth.identity import accounts, factor
from core.errors import AppError
from core.text import Text

router = APIRouter(prefix="/me/second-factor", include_in_schema=True, tags=["pages"])
GivenCode = Annotated[str, Depends(given_code)]


@router.get("", response_class=HTMLResponse, **access("signed-in"))
def look(request: Request, house: HouseDep, actor: ActorDep) -> HTMLResponse:
    """How it stands; a begun enrolment shows its QR code."""
    return _page(request, house, actor)


@router.post("/begin", response_class=HTMLResponse, **access("signed-in"))
def begin(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    password: Annotated[str, Form(max_length=1024)] = "",
) -> Response:
    """Make a secret, after the password was proven once more."""
    try:
        prove_own_password(house, request, actor, password)
    except AppError as refused:
        return _page(request, house, actor, error=refused)
    done = tried(house, lambda work: factor.begin(work, actor, house.settings.keys_dir))
    if isinstance(done, AppError):
        return _page(request, house, actor, error=done)
    return go("/me/second-factor")


@router.post("/confirm", response_class=HTMLResponse, **access("signed-in"))
def confirm(
    request: Request, house: HouseDep, actor: ActorDep, code: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """Finish with a first code; the recovery codes are on this answer alone."""
    done = tried(house, lambda work: factor.confirm(work, actor, house.settings.keys_dir, code))
    if isinstance(done, AppError):
        return _page(request, house, actor, error=done)
    return _page(request, house, actor, codes=done)


@router.post("/codes", response_class=HTMLResponse, **access("signed-in"))
def new_codes(request: Request, house: HouseDep, actor: ActorDep, otp: GivenCode) -> Response:
    """Replace the recovery codes; asks for a fresh factor."""
    demand_fresh(house, actor, otp)
    done = tried(house, lambda work: factor.new_codes(work, actor))
    if isinstance(done, AppError):
        return _page(request, house, actor, error=done)
    return _page(request, house, actor, codes=done)


@router.post("/remove", response_class=HTMLResponse, **access("signed-in"))
def remove(request: Request, house: HouseDep, actor: ActorDep, otp: GivenCode) -> Response:
    """Remove it; asks for a fresh factor."""
    demand_fresh(house, actor, otp)
    done = tried(house, lambda work: factor.remove(work, actor, is_due=is_due(house, actor)))
    if isinstance(done, AppError):
        return _page(request, house, actor, error=done)
    return go("/me/second-factor", Text("已解除动态验证。", "The second factor was removed."))


def _page(
    request: Request,
    house: House,
    actor: Actor,
    *,
    error: AppError | None = None,
    codes: list[str] | None = None,
) -> HTMLResponse:
    with house.read() as work:
        state = factor.read(work, actor.account_id, is_due=is_due(house, actor))
        begun = factor.begun(work, actor, house.settings.keys_dir)
        has_password = accounts.account(work, actor.account_id).has_password
    return page(
        request, "second_factor/me.html", status=status_of(error) if error else 200, state=state, begun=begun,
        picture=qr.picture(begun.uri) if begun else "", codes=codes or [], error=error, has_password=has_password,
    )  # fmt: skip
