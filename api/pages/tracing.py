"""The page that traces a leaked file: hand it in, read who is named and how sure that is."""

from __future__ import annotations

from fastapi import Request, Response, UploadFile
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep
from api.errors import status_of
from api.late import APIRouter
from api.lookups import org_names
from api.routes.tracing import reading, traced
from api.web import page
from core.errors import AppError
from datasets.tracing.service import TraceRead

router = APIRouter(prefix="/traces", tags=["pages"])
_TRACE = "datasets:leak:trace"


@router.get("", response_class=HTMLResponse, **access(_TRACE))
def form_page(request: Request) -> HTMLResponse:
    """The form."""
    return page(request, "tracing/show.html", found=None, refusal=None, orgs={})


@router.post("", response_class=HTMLResponse, **access(_TRACE))
def trace(request: Request, house: HouseDep, actor: ActorDep, file: UploadFile) -> Response:
    """Trace the form's file."""
    found: TraceRead | None = None
    refusal: AppError | None = None
    try:
        found = traced(house, actor, reading(file.file))
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        return page(
            request, "tracing/show.html", status=status_of(refusal) if refusal else 200, found=found, refusal=refusal,
            orgs=org_names(work),
        )  # fmt: skip
