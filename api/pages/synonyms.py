"""The page of the search's synonyms."""

from __future__ import annotations

import re
from typing import Final

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.web import go, page, page_number
from catalog.search import synonyms
from catalog.search.synonyms import SynonymAsk
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/synonyms", include_in_schema=True, tags=["pages"])
_WRITE: Final = "catalog:synonym:write"
PER_PAGE: Final = 50


@router.get("", response_class=HTMLResponse, **access(_WRITE))
def list_page(request: Request, work: ReadDep, q: str = Query("", max_length=100)) -> HTMLResponse:
    """All groups, and the form for another."""
    return _list(request, work, q)


@router.post("", response_class=HTMLResponse, **access(_WRITE))
def add(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Another group: one word a line, or parted by commas."""
    typed = str(form.get("words", ""))[:2000]
    words = [word for word in re.split(r"[\n,，、;；|]", typed) if word.strip()]
    made = tried(house, lambda work: synonyms.add(work, actor, SynonymAsk(words=words)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _list(request, work, "", made, typed)
    return go("/synonyms", Text("已添加，下一次检索起生效。", "Added; it counts from the next search on."))


@router.post("/{group_id}/remove", response_class=HTMLResponse, **access(_WRITE))
def remove(work: WorkDep, actor: ActorDep, group_id: str) -> Response:
    """Search for these words each by itself again."""
    synonyms.remove(work, actor, group_id)
    return go("/synonyms", Text("已删除这组同义词。", "The group is removed."))


def _list(
    request: Request, work: Work, q: str, refusal: AppError | None = None, typed: str = ""
) -> HTMLResponse:  # fmt: skip
    number = page_number(request)
    rows, total = synonyms.listed(work, words=q, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    return page(
        request, "datasets/synonyms.html", status=status_of(refusal) if refusal else 200, rows=rows, total=total, q=q,
        number=number, pages=max(1, -(-total // PER_PAGE)), refusal=refusal, typed=typed,
    )  # fmt: skip
