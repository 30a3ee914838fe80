"""The papers of an application on one page: what is asked for, what is there, and what each reader may do about it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from fastapi import Form, Request, Response, UploadFile
from fastapi.responses import HTMLResponse

from api import scanning
from api.access import access
from api.cases import version_of
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.errors import status_of
from api.forms import Typed, tried
from api.gives import gives
from api.house import House
from api.late import APIRouter
from api.pages.applications import context_of
from api.pages.tickets import checked
from api.routes.papers import MEDIA, file_answer
from api.web import go, page
from auth.actor import Actor
from auth.applications import service as applications
from auth.papers import commitments, files, reading, service
from auth.papers.commitments import SIGN, Promise
from auth.papers.reading import PaperRead
from auth.papers.rules import MOST_BYTES
from auth.papers.service import RETURN, SUPPLY, PaperReturn
from auth.papers.workflow import STATE_NAMES
from core.errors import AppError, InputRefused
from core.ids import ApplicationId
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/applications", include_in_schema=True, tags=["pages"])
READ: Final = "auth:application:read"


@router.get("/{application_id}/papers", response_class=HTMLResponse, **access(READ))
def papers_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """What the application needs and what is there."""
    return _papers(request, work, actor, application_id)


def _papers(
    request: Request, work: Work, actor: Actor, application_id: ApplicationId, refusal: AppError | None = None,
    at: str = "", typed: str = "",
) -> HTMLResponse:  # fmt: skip
    found = applications.application(work, actor, application_id)
    return page(
        request, "applications/papers.html", status=status_of(refusal) if refusal else 200, **context_of(work, actor, found),
        paper_states=STATE_NAMES, scans=bool(request.app.state.house.settings.clamd), refusal=refusal, at=at, typed=typed,
    )  # fmt: skip


def _done(
    request: Request, house: House, actor: Actor, application_id: ApplicationId, key: str, outcome: PaperRead | AppError, said: Text,
    typed: str = "",
) -> Response:  # fmt: skip
    if isinstance(outcome, AppError):
        with house.read() as work:
            return _papers(request, work, actor, application_id, outcome, key, typed)
    return go(f"/applications/{application_id}/papers", said)


@router.post("/{application_id}/papers/{paper_key}/supply", response_class=HTMLResponse, **access(SUPPLY))
def supply(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, paper_key: str, file: UploadFile | None = None,
    version: Annotated[str, Form()] = "",
) -> Response:  # fmt: skip
    """Hand a paper in."""
    outcome: PaperRead | AppError
    try:
        if file is None or not file.filename:
            raise InputRefused(Text("请选择文件。", "Choose a file."), field="file")
        content, seen = file.file.read(MOST_BYTES + 1), version_of({"version": version})
        outcome = scanning.hand_in(house, actor, application_id, paper_key, file.filename, content, seen)
    except AppError as refused:
        outcome = refused
    said = Text("材料已提交。", "The paper is handed in.")
    return _done(request, house, actor, application_id, paper_key, outcome, said)


@router.post("/{application_id}/papers/{paper_key}/return", response_class=HTMLResponse, **access(RETURN))
def send_back(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, paper_key: str, form: Typed
) -> Response:  # fmt: skip
    """Send one paper back."""
    note = str(form.get("note", "")).strip()
    given: dict[str, Any] = {"note": note[:2000], "working_days": str(form.get("working_days", "")) or "5"}
    given["version"] = version_of(form)
    outcome = tried(
        house,
        partial(_send_back, actor=actor, application_id=application_id, key=paper_key, given=given),
    )
    said = Text("材料已退回，申请人已获通知。", "The paper went back; the applicant is told.")
    return _done(request, house, actor, application_id, paper_key, outcome, said, note)


def _send_back(
    work: Work, *, actor: Actor, application_id: ApplicationId, key: str, given: dict[str, Any]
) -> PaperRead:
    return service.send_back(work, actor, application_id, key, checked(PaperReturn, given))


@router.get("/{application_id}/papers/{paper_key}/file", **access(READ), **gives(*MEDIA))
def paper_file(work: WorkDep, actor: ActorDep, application_id: ApplicationId, paper_key: str) -> Response:
    """The paper as a file."""
    return file_answer(files.file(work, actor, application_id, paper_key))


@router.get("/{application_id}/papers/{paper_key}/commitment", response_class=HTMLResponse, **access(READ))
def commitment_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId, paper_key: str
) -> HTMLResponse:
    """The commitment in full, with the digest that signing it names."""
    return _commitment(request, work, actor, application_id, paper_key)


def _commitment(
    request: Request, work: Work, actor: Actor, application_id: ApplicationId, key: str, refusal: AppError | None = None
) -> HTMLResponse:  # fmt: skip
    found = applications.application(work, actor, application_id)
    asked = next((each for each in reading.papers(work, actor, application_id) if each.key == key), None)
    said = commitments.to_sign(work, actor, application_id, key)
    return page(
        request, "applications/commitment.html", status=status_of(refusal) if refusal else 200, **context_of(work, actor, found),
        said=said, refusal=refusal, key=key, may_sign=asked is not None and "promise" in asked.steps,
    )  # fmt: skip


@router.post("/{application_id}/papers/{paper_key}/promise", response_class=HTMLResponse, **access(SIGN))
def promise(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, paper_key: str, form: Typed
) -> Response:  # fmt: skip
    """Sign the commitment that was read."""

    def act(work: Work) -> PaperRead:
        if form.get("read") != "yes":
            raise InputRefused(Text("请先勾选“已阅读并承诺”。", "Tick “read, and I commit” first."))
        body = checked(Promise, {"hash": str(form.get("hash", ""))})
        return commitments.promise(work, actor, application_id, paper_key, body)

    outcome = tried(house, act)
    if isinstance(outcome, AppError):
        with house.read() as work:
            return _commitment(request, work, actor, application_id, paper_key, outcome)
    return go(
        f"/applications/{application_id}/papers",
        Text("承诺已签署，代替该材料。", "The commitment is signed and stands in for the paper."),
    )
