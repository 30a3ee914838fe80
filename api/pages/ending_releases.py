"""Releases whose retention ends soon, of all datasets whose retention the reader keeps."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, ReadDep
from api.late import APIRouter
from api.web import page
from datasets.releases import ending
from datasets.releases.retention import RETIRE, floor

router = APIRouter(prefix="/retention", include_in_schema=True, tags=["pages"])


@router.get("", response_class=HTMLResponse, **access(RETIRE))
def ending_page(request: Request, work: ReadDep, actor: ActorDep, within: str = "90") -> HTMLResponse:
    """What ends within so many days, soonest first."""
    days = int(within) if within.isascii() and within.isdecimal() and len(within) < 6 else ending.WITHIN
    days = min(days, ending.LONGEST)
    return page(
        request, "releases/ending.html", found=ending.soon(work, actor, days), within=days, floor=floor()
    )
