"""Pages of administrative divisions: to look up a code, and to see what is known of an area."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, LangDep, ReadDep
from api.late import APIRouter
from api.routes.regions import region
from api.web import page
from auth.actor import Actor
from catalog import regions
from catalog.search.engine import Search, search
from core.text import Lang
from core.work import Work

router = APIRouter(include_in_schema=True, tags=["pages"])


@router.get("/regions", response_class=HTMLResponse, **access("public"))
def list_page(request: Request, work: ReadDep, actor: ActorDep, lang: LangDep, q: str = "") -> HTMLResponse:
    """Divisions by a word; without one the provinces."""
    found = regions.find(q[:100], 100) if q.strip() else regions.children("")
    return page(request, "regions/list.html", found=found, q=q[:100], here=None, label=regions.label, source=regions.SOURCE, counts=_counts(work, actor, lang, ""))  # fmt: skip


@router.get("/regions/{region_code}", response_class=HTMLResponse, **access("public"))
def region_page(
    request: Request, work: ReadDep, actor: ActorDep, lang: LangDep, region_code: str
) -> HTMLResponse:
    """One division: where it lies, what lies in it, and how many datasets cover each."""
    here = region(region_code)
    return page(
        request, "regions/list.html", found=regions.children(here.code), q="", here=here, label=regions.label, source=regions.SOURCE,
        counts=_counts(work, actor, lang, here.code),
    )  # fmt: skip


def _counts(work: Work, actor: Actor, lang: Lang, code: str) -> dict[str, int]:
    """Records in sight by division, as far as the facet tells below `code`."""
    found = search(work, actor, Search("", {"region": [code]} if code else {}, "newest", 1, 0, lang))
    options = next(counted.options for counted in found.facets if counted.facet.key == "region")
    return {option.value: option.count for option in options}
