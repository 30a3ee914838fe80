"""Pages of outside catalogues: the list, one with its harvests, and the report of one harvest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, sentences, tried
from api.house import House
from api.late import APIRouter
from api.web import go, page, page_number
from auth.actor import Actor
from auth.identity.organisations import organisations
from core.errors import AppError, NotFound
from core.text import Text
from core.work import Work
from datasets.harvest import queries, service
from datasets.harvest.models import FORM_NAMES, HarvestCreate, RunAsk
from datasets.harvest.workflow import RESULT_NAMES, RUN_NAMES, STATE_NAMES, HarvestState, HarvestStep, Result

router = APIRouter(prefix="/harvests", include_in_schema=True, tags=["pages"])
SIZE: Final = 50
LABELS: Final = {
    "title": Text("名称", "Name"),
    "org_id": Text("负责部门", "Department that answers for it"),
    "form": Text("格式", "Format"),
    "url": Text("地址", "Address"),
    "header": Text("凭据请求头", "Header of the credential"),
    "secret": Text("凭据", "Credential"),
    "schedule": Text("计划", "Schedule"),
}
_WORDS: Final[dict[str, Any]] = {
    "states": STATE_NAMES,
    "forms": FORM_NAMES,
    "run_states": RUN_NAMES,
    "results": RESULT_NAMES,
}


def _pages(total: int, size: int = SIZE) -> int:
    return max(1, -(-total // size))


@router.get("", response_class=HTMLResponse, **access(queries.READ))
def list_page(request: Request, work: ReadDep, actor: ActorDep, state: str = "") -> HTMLResponse:
    """All outside catalogues that the reader may know of."""
    wanted, number = state if state in set(HarvestState) else "", page_number(request)
    found, total = queries.sources(work, actor, state=wanted, page=number, size=SIZE)
    return page(
        request, "harvests/list.html", found=found, total=total, number=number, pages=_pages(total), state=wanted,
        may=actor.may(queries.WRITE), **_WORDS,
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(queries.WRITE))
def new_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """The form."""
    return _form(request, work, actor, {"form": "ckan", "schedule": "every P1D"})


def _form(
    request: Request, work: Work, actor: Actor, given: dict[str, str], *,
    faults: list[tuple[str, Text]] | None = None, error: AppError | None = None,
) -> HTMLResponse:  # fmt: skip
    orgs = [
        org for org in organisations(work) if not org.is_enterprise and actor.may_in(queries.WRITE, org.id)
    ]
    return page(
        request, "harvests/new.html", status=422 if faults else status_of(error) if error else 200, orgs=orgs, error=error,
        given={name: given.get(name, "") for name in LABELS}, faults=faults or [], wrong=dict(faults or []), labels=LABELS,
        forms=FORM_NAMES,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(queries.WRITE))
def add(request: Request, house: HouseDep, actor: ActorDep, typed: Typed) -> Response:
    """Propose one; a refusal shows the form again with all but the credential."""
    given = {name: str(typed.get(name, "")) for name in LABELS if name != "secret"}
    secret = str(typed.get("secret", "")) or None
    try:
        body = HarvestCreate.model_validate({**given, "header": given["header"] or None, "secret": secret})
    except ValidationError as fault:
        with house.read() as work:
            return _form(request, work, actor, given, faults=sentences(fault, LABELS))
    done = tried(house, lambda work: service.add(work, actor, body, house.settings.keys_dir))
    if isinstance(done, AppError):
        with house.read() as work:
            return _form(request, work, actor, given, error=done)
    said = Text(
        "外部目录已提出；可先试运行，并请另一人批准。",
        "The catalogue is proposed; try a dry run, and let another person approve it.",
    )
    return go(f"/harvests/{done.id}", said)


@router.get("/{source_id}", response_class=HTMLResponse, **access(queries.READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, source_id: str) -> HTMLResponse:
    """One catalogue and its harvests."""
    return _show(request, work, actor, source_id)


def _show(
    request: Request, work: Work, actor: Actor, source_id: str, error: AppError | None = None
) -> HTMLResponse:
    row, number = queries.source(work, actor, source_id), page_number(request)
    runs, total = queries.runs(work, actor, source_id, page=number)
    is_second = row.proposed["person_id"] != actor.person_id
    return page(
        request, "harvests/show.html", status=status_of(error) if error else 200, source=queries.read(work, row), runs=runs,
        total=total, number=number, pages=_pages(total, 20), error=error, may=actor.may_in(queries.WRITE, row.org_id),
        may_approve=actor.may_in(queries.APPROVE, row.org_id) and is_second, labels=LABELS, **_WORDS,
    )  # fmt: skip


@router.get("/{source_id}/runs/{run_id}", response_class=HTMLResponse, **access(queries.READ))
def report_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    source_id: str,
    run_id: str,
    result: str = "",
    q: str = "",
) -> HTMLResponse:
    """What became of each record."""
    run = queries.run(work, actor, source_id, run_id)
    wanted, number, words = result if result in set(Result) else "", page_number(request), q[:200]
    found, total = queries.items(work, run.id, result=wanted, words=words, page=number, size=SIZE)
    source = queries.read(work, queries.source(work, actor, source_id))
    return page(
        request, "harvests/run.html", source=source, run=run, found=found, total=total, number=number, pages=_pages(total),
        result=wanted, q=words, **_WORDS,
    )  # fmt: skip


def _stepped(
    request: Request, house: House, actor: Actor, source_id: str, act: Callable[[Work], object], said: Text
) -> Response:
    done = tried(house, act)
    if isinstance(done, NotFound):
        raise done
    if isinstance(done, AppError):
        with house.read() as work:
            return _show(request, work, actor, source_id, done)
    return go(f"/harvests/{source_id}", said)


@router.post("/{source_id}/approve", response_class=HTMLResponse, **access(queries.APPROVE))
def approve(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """A second person lets its records be published."""
    said = Text(
        "已批准；此后采集的记录将作为外来记录公布。",
        "Approved; what is harvested from now on is shown as foreign.",
    )
    return _stepped(
        request, house, actor, source_id, lambda work: service.approve(work, actor, source_id), said
    )


@router.post("/{source_id}/run", response_class=HTMLResponse, **access(queries.WRITE))
def run(request: Request, house: HouseDep, actor: ActorDep, source_id: str, typed: Typed) -> Response:
    """Harvest now, or try."""
    ask = RunAsk(dry=bool(typed.get("dry")), let_go=bool(typed.get("let_go")))
    said = Text("已开始；稍后刷新查看结果。", "It has begun; reload to see what came of it.")
    return _stepped(
        request, house, actor, source_id, lambda work: service.run(work, actor, source_id, ask), said
    )


@router.post("/{source_id}/pause", response_class=HTMLResponse, **access(queries.WRITE))
def pause(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """Harvest no more until it is resumed."""
    return _step(request, house, actor, source_id, HarvestStep.PAUSE, Text("已暂停。", "It is paused."))


@router.post("/{source_id}/resume", response_class=HTMLResponse, **access(queries.WRITE))
def resume(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """Harvest again."""
    return _step(
        request, house, actor, source_id, HarvestStep.RESUME, Text("已恢复。", "It is active again.")
    )


@router.post("/{source_id}/remove", response_class=HTMLResponse, **access(queries.WRITE))
def remove(request: Request, house: HouseDep, actor: ActorDep, source_id: str) -> Response:
    """Harvest never again."""
    said = Text(
        "已移除；其记录保留，凭据已删除。", "It is removed; its records stay, its credential is deleted."
    )
    return _step(request, house, actor, source_id, HarvestStep.REMOVE, said)


def _step(
    request: Request, house: House, actor: Actor, source_id: str, which: HarvestStep, said: Text
) -> Response:
    return _stepped(
        request, house, actor, source_id, lambda work: service.step(work, actor, source_id, which), said
    )
