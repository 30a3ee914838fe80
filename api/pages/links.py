"""The page of links: those that broke first."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.web import go, page, page_number
from auth.actor import Actor
from core.errors import AppError
from core.text import Text
from core.work import Work
from datasets.links import service
from datasets.links.rules import OUTCOME_NAMES, PLACE_NAMES, Outcome

router = APIRouter(include_in_schema=True, tags=["pages"])
PER_PAGE = 50


@router.get("/links", response_class=HTMLResponse, **access(service.READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, outcome: str = "", host: str = "", dataset_id: str = ""
) -> HTMLResponse:
    """Links beside the records of one's departments."""
    return _show(
        request, work, actor, {"outcome": outcome, "host": host[:255], "dataset_id": dataset_id[:80]}
    )


@router.post("/links/look", response_class=HTMLResponse, **access(service.WRITE))
def look_now(request: Request, house: HouseDep, actor: ActorDep, _typed: Typed) -> Response:
    """Look at links now."""
    outcome = tried(house, lambda work: service.ask_look(work, actor))
    if isinstance(outcome, AppError):
        with house.read() as work:
            return _show(request, work, actor, {}, outcome)
    return go(f"/jobs/{outcome.id}", Text("正在检查链接。", "Links are being looked at."))


def _show(
    request: Request, work: Work, actor: Actor, asked: dict[str, str], refusal: AppError | None = None
) -> HTMLResponse:
    number = page_number(request)
    asked = {"outcome": "", "host": "", "dataset_id": ""} | asked
    chosen: dict[str, Any] = asked | {"outcome": asked["outcome"] if asked["outcome"] in set(Outcome) else ""}
    found, total = service.listed(work, actor, **chosen, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    return page(
        request, "links/list.html", status=status_of(refusal) if refusal else 200, refusal=refusal, found=found, total=total, number=number,
        pages=max(1, -(-total // PER_PAGE)), asked=chosen, counts=service.counts(work, actor), names=OUTCOME_NAMES, places=PLACE_NAMES,
        outcomes=[("", Text("全部", "All")), *OUTCOME_NAMES.items()], may_look=actor.may(service.WRITE),
        daily=request.app.state.house.settings.link_looks,
        csv="/api/v1/links?" + urlencode({key: value for key, value in chosen.items() if value} | {"format": "csv"}),
    )  # fmt: skip
