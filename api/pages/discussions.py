"""Pages of questions and error reports: of one dataset, and of all that the reader may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import PUBLIC, SIGNED_IN, access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.pages.tickets import checked
from api.web import go, page, page_number
from auth.actor import Actor
from catalog import service as catalogue
from catalog.discussions import service
from catalog.discussions.service import Hiding, PostCreate, Reply, ThreadRead
from catalog.discussions.workflow import KIND_NAMES, STATE_NAMES, STEP_NAMES, ThreadState, ThreadStep
from core.errors import AppError
from core.text import Text
from core.work import Work
from datasets.tickets import reports

router = APIRouter(include_in_schema=True, tags=["pages"])
PER_PAGE = 20


@router.get("/discussions", response_class=HTMLResponse, **access(PUBLIC))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "open", kind: str = ""
) -> HTMLResponse:
    """Threads on every record in sight: what waits for an answer first."""
    return _list(request, work, actor, state=state, kind=kind)


@router.get("/datasets/{dataset_id}/discussion", response_class=HTMLResponse, **access(PUBLIC))
def dataset_page(
    request: Request, work: ReadDep, actor: ActorDep, dataset_id: str, state: str = "", kind: str = ""
) -> HTMLResponse:
    """Threads on one dataset, and the form to begin one."""
    return _list(request, work, actor, dataset_id=dataset_id, state=state, kind=kind)


def _list(
    request: Request, work: Work, actor: Actor, *, dataset_id: str = "", state: str = "", kind: str = "",
    refusal: AppError | None = None, typed: dict[str, Any] | None = None,
) -> HTMLResponse:  # fmt: skip
    number = page_number(request)
    dataset = catalogue.show(work, actor, dataset_id) if dataset_id else None
    state, kind = state if state in list(ThreadState) else "", kind if kind in KIND_NAMES else ""
    found, total = service.threads(
        work,
        actor,
        dataset_id=dataset_id,
        state=state,
        kind=kind,
        offset=(number - 1) * PER_PAGE,
        limit=PER_PAGE,
    )
    every = Text("全部", "All")
    return page(
        request, "datasets/discussion.html", status=status_of(refusal) if refusal else 200, dataset=dataset, found=reports.told(work, found), total=total,
        number=number, pages=max(1, -(-total // PER_PAGE)), state=state, kind=kind, states=[("", every), *STATE_NAMES.items()],
        kinds=[("", every), *KIND_NAMES.items()], state_names=STATE_NAMES, kind_names=KIND_NAMES, step_names=STEP_NAMES,
        refusal=refusal, typed=typed or {"kind": "question", "body": "", "release_number": ""},
    )  # fmt: skip


@router.post("/datasets/{dataset_id}/discussion", response_class=HTMLResponse, **access(SIGNED_IN))
def post(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed) -> Response:
    """Begin a thread; what was typed stays when it is refused."""
    given = {key: str(typed.get(key, "")).strip() for key in ("kind", "body", "release_number")}
    body = {**given, "release_number": given["release_number"] or None}
    done = tried(house, lambda work: reports.post(work, actor, dataset_id, checked(PostCreate, body)))
    if isinstance(done, AppError):
        with house.read() as work:
            return _list(request, work, actor, dataset_id=dataset_id, refusal=done, typed=given)
    return go(
        f"/datasets/{dataset_id}/discussion#{done.id}",
        Text("已发表，部门会收到通知。", "Posted; the department is told."),
    )


@router.post("/discussions/{thread_id}/{step}", response_class=HTMLResponse, **access(SIGNED_IN))
def take_step(
    request: Request, house: HouseDep, actor: ActorDep, thread_id: str, step: str, typed: Typed
) -> Response:
    """Reply (`reply`), take from sight (`hide`), or a step of the thread with its reason."""
    text = str(typed.get("body", ""))
    return _done(request, house, actor, thread_id, lambda work: _act(work, actor, thread_id, step, text))


def _act(work: Work, actor: Actor, thread_id: str, step: str, text: str) -> ThreadRead:
    if step == "hide":
        return service.hide(work, actor, thread_id, checked(Hiding, {"reason": text}))
    if step in list(ThreadStep):
        return reports.step(work, actor, thread_id, ThreadStep(step), checked(Reply, {"body": text}))
    return service.reply(work, actor, thread_id, checked(Reply, {"body": text}))


def _done(
    request: Request, house: House, actor: Actor, thread_id: str, act: Callable[[Work], ThreadRead]
) -> Response:
    done = tried(house, act)
    if isinstance(done, AppError):
        with house.read() as work:
            held = service.thread(work, actor, thread_id)
            return _list(request, work, actor, dataset_id=held.dataset_id, refusal=done)
    return go(f"/datasets/{done.dataset_id}/discussion#{done.id}", Text("已记录。", "Done."))
