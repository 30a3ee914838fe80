"""The page of a dataset's preview."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, ReadDep
from api.web import page
from catalog.assets import asset
from datasets.queries import preview

router = APIRouter(prefix="/previews", tags=["pages"])


@router.get("/{dataset_id}", response_class=HTMLResponse, **access("public"))
def show_page(request: Request, work: ReadDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """Synthetic rows of the current release."""
    found = preview.shown(work, actor, dataset_id)
    return page(request, "queries/preview.html", preview=found, held=asset(work, dataset_id))
