"""The page of one's saved searches, and the button that saves one."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import SIGNED_IN, access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.tickets import checked
from api.web import go, page
from auth.actor import Actor
from catalog.search import saved
from catalog.search.saved import SavedAsk, SavedChange
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/me/searches", include_in_schema=True, tags=["pages"])


@router.get("", response_class=HTMLResponse, **access(SIGNED_IN))
def list_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """What the reader keeps."""
    return _list(request, work, actor)


@router.post("", response_class=HTMLResponse, **access(SIGNED_IN))
def save(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Keep the search that the reader is looking at."""
    typed = {"query": str(form.get("query", "")), "title": str(form.get("title", ""))}
    made = tried(house, lambda work: saved.save(work, actor, checked(SavedAsk, typed)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _list(request, work, actor, made)
    said = Text(
        "检索已保存；有新增或变化的数据集时会告诉您。",
        "Saved; you are told of datasets that are new in it or change.",
    )
    return go("/me/searches", said)


@router.post("/{search_id}/change", response_class=HTMLResponse, **access(SIGNED_IN))
def change(work: WorkDep, actor: ActorDep, search_id: str, form: Typed) -> Response:
    """Be told (`tells=yes`) or no more."""
    saved.change(work, actor, search_id, SavedChange(tells=form.get("tells") == "yes"))
    return go("/me/searches", Text("已保存。", "Saved."))


@router.post("/{search_id}/remove", response_class=HTMLResponse, **access(SIGNED_IN))
def remove(work: WorkDep, actor: ActorDep, search_id: str) -> Response:
    """Keep it no longer."""
    saved.remove(work, actor, search_id)
    return go("/me/searches", Text("已删除这个检索。", "The search is removed."))


def _list(request: Request, work: Work, actor: Actor, refusal: AppError | None = None) -> HTMLResponse:
    return page(
        request, "datasets/saved.html", status=status_of(refusal) if refusal else 200, rows=saved.saved(work, actor),
        refusal=refusal,
    )  # fmt: skip
