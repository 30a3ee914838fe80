"""The yearly disclosure as a page, and its pack for a browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, LangDep, ReadDep, WorkDep
from api.disclosing import pack, tables
from api.late import APIRouter
from api.web import page
from auth.policy.filters.rules import LOCAL
from auth.supervision.disclosure import disclosure

router = APIRouter(prefix="/disclosure", include_in_schema=True, tags=["pages"])
Year = Annotated[int, Path(ge=2000, le=2100)]


@router.get("", **access("auth:usage:read"))
def index(work: ReadDep, year: str = "") -> RedirectResponse:
    """The year that was chosen; else the one that is to be disclosed now: last year."""
    is_year = year.isascii() and year.isdecimal() and 2000 <= int(year[:5]) <= 2100
    chosen = int(year) if is_year else work.now.astimezone(LOCAL).year - 1
    return RedirectResponse(f"/disclosure/{chosen}", 303)


@router.get("/{year}", response_class=HTMLResponse, **access("auth:usage:read"))
def show_page(request: Request, work: ReadDep, lang: LangDep, year: Year) -> HTMLResponse:
    """The year's disclosure with what is still missing."""
    found = disclosure(work, year)
    here = work.now.astimezone(LOCAL).year
    years = [(each, str(each)) for each in sorted({*range(here - 4, here + 1), year}, reverse=True)]
    return page(request, "disclosure/show.html", found=found, shown=tables(found, lang), years=years)


@router.post("/{year}/pack", response_class=Response, **access("auth:usage:read"))
def take_pack(work: WorkDep, actor: ActorDep, year: Year) -> Response:
    """The pack as a download."""
    headers = attachment(f"disclosure-{year}.zip") | {"Cache-Control": "no-store"}
    return Response(pack(work, actor, year), media_type="application/zip", headers=headers)
