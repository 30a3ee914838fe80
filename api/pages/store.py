"""The page of the file store."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.web import go, page
from core.jobs import FINAL, JobRow, read
from core.text import Text
from datasets.store import service

router = APIRouter(prefix="/store", tags=["pages"])


@router.get("", response_class=HTMLResponse, **access("datasets:store:read"))
def store_page(request: Request, work: ReadDep) -> HTMLResponse:
    """What the newest check and collection found, and what is running."""
    found = service.report(work)
    running = [
        read(work.db.get_one(JobRow, each.job_id))
        for each in (found.check, found.collection, found.record)
        if each is not None and each.state not in FINAL
    ]
    return page(request, "store/show.html", found=found, running=running)


@router.post("/check", response_class=HTMLResponse, **access("datasets:store:check"))
def check(work: WorkDep, actor: ActorDep) -> Response:
    """Ask for a check."""
    service.ask(work, actor, service.CHECK)
    return go("/store", Text("已开始核对。", "The check has begun."))


@router.post("/collect", response_class=HTMLResponse, **access("datasets:store:collect"))
def collect(work: WorkDep, actor: ActorDep) -> Response:
    """Ask for a collection."""
    service.ask(work, actor, service.COLLECT)
    return go("/store", Text("已开始清理。", "The collection has begun."))


@router.post("/record-check", response_class=HTMLResponse, **access("datasets:store:check"))
def check_record(work: WorkDep, actor: ActorDep) -> Response:
    """Ask for a check of the audit record."""
    service.ask(work, actor, service.RECORD)
    return go("/store", Text("已开始核对审计记录。", "The check of the audit record has begun."))
