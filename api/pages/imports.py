"""Page of the import mode: who opened it, why, until when, and what it let in."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, sentences, tried
from api.house import House
from api.late import APIRouter
from api.web import go, page
from auth.actor import Actor
from catalog import imports
from catalog.imports import ImportOpen, ImportProlong
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/imports", include_in_schema=True, tags=["pages"])
_LABELS = {"reason": Text("理由", "Reason"), "minutes": Text("时长（分钟）", "Minutes")}


@router.get("", response_class=HTMLResponse, **access("catalog:import:read"))
def list_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """All openings."""
    return _page(request, work, actor)


def _page(
    request: Request, work: Work, actor: Actor, *, error: AppError | None = None,
    faults: list[tuple[str, Text]] | None = None, given: dict[str, str] | None = None,
) -> HTMLResponse:  # fmt: skip
    found = imports.history(work)
    status = 422 if faults else status_of(error) if error else 200
    return page(
        request, "imports/list.html", status=status, found=found, current=next((each for each in found if each.is_open), None),
        may=actor.may(imports.MAY), error=error, wrong=dict(faults or []), given=given or {"reason": "", "minutes": "60"}, labels=_LABELS,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(imports.MAY))
def open_import(request: Request, house: HouseDep, actor: ActorDep, typed: Typed) -> Response:
    """Open the import mode; a refusal shows the form again with what was typed."""
    given = {name: str(typed.get(name, "")) for name in ("reason", "minutes")}
    try:
        body = ImportOpen.model_validate(given)
    except ValidationError as fault:
        with house.read() as work:
            return _page(request, work, actor, faults=sentences(fault, _LABELS), given=given)
    done = tried(house, lambda work: imports.opened(work, actor, body))
    return _after(request, house, actor, done, Text("导入已开启。", "The import is open."))


@router.post("/prolong", response_class=HTMLResponse, **access(imports.MAY))
def prolong_import(request: Request, house: HouseDep, actor: ActorDep, typed: Typed) -> Response:
    """Let it end later; a refusal shows the form again."""
    given = {"reason": "", "minutes": str(typed.get("minutes", ""))}
    try:
        body = ImportProlong.model_validate({"minutes": given["minutes"]})
    except ValidationError as fault:
        with house.read() as work:
            return _page(request, work, actor, faults=sentences(fault, _LABELS), given=given)
    done = tried(house, lambda work: imports.prolonged(work, actor, body))
    return _after(request, house, actor, done, Text("导入已延长。", "The import ends later."))


@router.post("/close", response_class=HTMLResponse, **access(imports.MAY))
def close_import(request: Request, house: HouseDep, actor: ActorDep) -> Response:
    """Close it."""
    done = tried(house, lambda work: imports.closed(work, actor))
    return _after(request, house, actor, done, Text("导入已结束。", "The import is closed."))


def _after(request: Request, house: House, actor: Actor, done: object, said: Text) -> Response:
    if isinstance(done, AppError):
        with house.read() as work:
            return _page(request, work, actor, error=done)
    return go("/imports", said)
