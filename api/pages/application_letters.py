"""The decision letter as a page that prints, and its PDF."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep
from api.late import APIRouter
from api.letters import HEADS, letter_of
from api.routes.application_letters import show_letter_pdf
from api.web import page
from core.ids import ApplicationId

router = APIRouter(prefix="/applications", include_in_schema=True, tags=["pages"])


@router.get("/{application_id}/letter", response_class=HTMLResponse, **access("auth:application:read"))
def letter_page(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """The letter."""
    found = letter_of(house, actor, application_id)
    return page(
        request, "applications/letter.html", letter=found.letter, issued=found, heads=HEADS, id=application_id
    )


@router.get("/{application_id}/letter.pdf", response_class=Response, **access("auth:application:read"))
def letter_pdf(house: HouseDep, actor: ActorDep, application_id: ApplicationId) -> Response:
    """The PDF."""
    return show_letter_pdf(house, actor, application_id)
