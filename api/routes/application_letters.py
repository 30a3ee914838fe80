"""The decision letter: as JSON, and as the PDF whose digest is on record."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, HouseDep
from api.gives import gives
from api.late import APIRouter
from api.letters import letter_of
from core.ids import ApplicationId

router = APIRouter(prefix="/api/v1/applications", tags=["applications"])


@router.get("/{application_id}/letter", **access("auth:application:read"))
def show_letter(house: HouseDep, actor: ActorDep, application_id: ApplicationId) -> dict[str, Any]:
    """The letter of the present decision, with the digest of its PDF; 409 while there is no decision."""
    return letter_of(house, actor, application_id).model_dump(mode="json", exclude={"pdf"})


@router.get(
    "/{application_id}/letter.pdf",
    **access("auth:application:read"),
    **gives("application/pdf"),
)
def show_letter_pdf(house: HouseDep, actor: ActorDep, application_id: ApplicationId) -> Response:
    """The same letter as PDF; the first request issues it, and every later one gives the same bytes."""
    found = letter_of(house, actor, application_id)
    headers = attachment(f"decision-{found.letter.number}.pdf") | {
        "Cache-Control": "no-store",
        "X-SHA256": found.sha256,
    }
    return Response(found.pdf, media_type="application/pdf", headers=headers)
