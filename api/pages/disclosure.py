"""The yearly disclosure as a page, and its pack for a browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, LangDep, ReadDep, WorkDep
from api.disclosing import pack, tables
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.tickets import checked
from api.web import go, page
from auth.policy.filters.rules import LOCAL
from auth.supervision.disclosed import PublicationCreate, digest, publications, publish, told
from core.errors import AppError
from core.text import Lang, Text
from core.work import Work

router = APIRouter(prefix="/disclosure", include_in_schema=True, tags=["pages"])
Year = Annotated[int, Path(ge=2000, le=2100)]


@router.get("", **access("auth:disclosure:read"))
def index(work: ReadDep, year: str = "") -> RedirectResponse:
    """The year that was chosen; else the one that is to be disclosed now: last year."""
    is_year = year.isascii() and year.isdecimal() and 2000 <= int(year[:5]) <= 2100
    chosen = int(year) if is_year else work.now.astimezone(LOCAL).year - 1
    return RedirectResponse(f"/disclosure/{chosen}", 303)


@router.get("/{year}", response_class=HTMLResponse, **access("auth:disclosure:read"))
def show_page(request: Request, work: ReadDep, lang: LangDep, year: Year) -> HTMLResponse:
    """The year's disclosure with what is still missing, and whether it is disclosed."""
    return _show(request, work, lang, year)


def _show(
    request: Request, work: Work, lang: Lang, year: int, refusal: AppError | None = None
) -> HTMLResponse:
    found = told(work, year)
    here = work.now.astimezone(LOCAL).year
    years = [(each, str(each)) for each in sorted({*range(here - 4, here + 1), year}, reverse=True)]
    published = publications(work).get(year)
    return page(
        request, "disclosure/show.html", status=status_of(refusal) if refusal else 200, found=found, shown=tables(found, lang),
        years=years, published=published, is_over=year < here, sha256=digest(found), refusal=refusal,
    )  # fmt: skip


@router.post("/{year}/publication", response_class=HTMLResponse, **access("auth:disclosure:publish"))
def publish_year(
    request: Request, house: HouseDep, actor: ActorDep, lang: LangDep, year: Year, form: Typed
) -> Response:
    """Disclose the year as it was looked at."""
    given = {"sha256": str(form.get("sha256", "")).strip()}
    made = tried(house, lambda work: publish(work, actor, year, checked(PublicationCreate, given)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, lang, year, made)
    return go(f"/disclosure/{year}", Text(f"{year} 年度已披露。", f"The year {year} is disclosed."))


@router.post("/{year}/pack", response_class=Response, **access("auth:disclosure:read"))
def take_pack(work: WorkDep, actor: ActorDep, year: Year) -> Response:
    """The pack as a download."""
    headers = attachment(f"disclosure-{year}.zip") | {"Cache-Control": "no-store"}
    return Response(pack(work, actor, year), media_type="application/zip", headers=headers)
