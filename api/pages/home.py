"""The start page: what waits for me, what I hold, and the way into the catalogue."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlmodel import col, func, select

from api.access import access
from api.agenda import ENDING_WITHIN, agenda
from api.deps import ActorDep, LangDep, ReadDep
from api.holdings import holdings
from api.late import APIRouter
from api.web import page
from auth.actor import Actor
from catalog import queries
from catalog.search.engine import Search, search
from catalog.tables import DatasetRow
from core.work import Work
from datasets.releases.queries import releases

router = APIRouter(include_in_schema=True, tags=["pages"])

NEWEST = 6


@router.get("/", response_class=HTMLResponse, **access("public"))
def home(request: Request, work: ReadDep, actor: ActorDep, lang: LangDep) -> HTMLResponse:
    """Search, themes and the newest data for everybody; the work that waits for whoever is signed in."""
    found = search(work, actor, Search(limit=1, lang=lang))
    facets = {counted.facet.key: counted.options for counted in found.facets}
    newest = releases(work, actor, state="published", size=NEWEST)
    return page(
        request, "home/index.html", datasets=found.total, themes=facets.get("theme", ()),
        publishers=len(facets.get("publisher", ())), newest=newest.items, releases=newest.total,
        titles=queries.titles(work, [row.dataset_id for row in newest.items]), rows=_rows(work, actor),
        piles=agenda(work, actor) if actor.is_signed_in else [], holdings=holdings(work, actor), ending=ENDING_WITHIN.days,
    )  # fmt: skip


def _rows(work: Work, actor: Actor) -> int:
    """Rows of the newest releases of all records in sight."""
    wanted = select(func.coalesce(func.sum(col(DatasetRow.row_count)), 0)).where(queries.visible(actor))
    return int(work.db.exec(wanted).one() or 0)
