"""The page with the receipts of one application."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Query, Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.late import APIRouter
from api.web import page
from auth.applications import service
from auth.proof import receipts
from auth.proof.checkpoint import Place
from auth.proof.service import size_signed
from core.ids import ApplicationId

router = APIRouter(prefix="/applications", include_in_schema=True, tags=["pages"])
PER_PAGE: Final = 50


@router.get("/{application_id}/receipts", response_class=HTMLResponse, **access("auth:application:read"))
def receipts_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    house: HouseDep,
    application_id: ApplicationId,
    number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    """What happened to an application, each step with its proof in the signed record."""
    found, place = service.application(work, actor, application_id), Place.of(house.settings)
    items, total = receipts.listed(
        work, actor, application_id, size_signed(place), offset=(number - 1) * PER_PAGE, limit=PER_PAGE
    )
    return page(
        request, "applications/receipts.html", found=found, items=items, total=total, number=number,
        pages=max(1, -(-total // PER_PAGE)), key=place.signer().verifier.text(),
    )  # fmt: skip
