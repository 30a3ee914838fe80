"""Pages of portals that we push to: the list, one with its pushes, the report of one push, what was changed there."""

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
from catalog.queries import titles
from core.errors import AppError, NotFound
from core.text import Text
from core.work import Work
from datasets.harvest.workflow import RESULT_NAMES, RUN_NAMES, STATE_NAMES, HarvestState, HarvestStep, Result
from datasets.push import queries, service
from datasets.push.models import MODES, REACHES, PushAsk, PushCreate

router = APIRouter(prefix="/pushes", include_in_schema=True, tags=["pages"])
SIZE: Final = 50
LABELS: Final = {
    "title": Text("名称", "Name"),
    "org_id": Text("负责部门", "Department that answers for it"),
    "url": Text("门户地址", "Address of the portal"),
    "portal_org": Text("门户上的组织", "Organisation there"),
    "prefix": Text("名称前缀", "Prefix of names there"),
    "reach": Text("推送哪些记录", "Which records"),
    "only_open": Text("仅无条件开放的数据集", "Only datasets open without condition"),
    "secret": Text("令牌", "Token"),
    "schedule": Text("计划", "Schedule"),
}
_WORDS: Final[dict[str, Any]] = {
    "states": STATE_NAMES,
    "reaches": REACHES,
    "modes": MODES,
    "run_states": RUN_NAMES,
    "results": RESULT_NAMES,
}


def _pages(total: int, size: int = SIZE) -> int:
    return max(1, -(-total // size))


@router.get("", response_class=HTMLResponse, **access(queries.READ))
def list_page(request: Request, work: ReadDep, actor: ActorDep, state: str = "") -> HTMLResponse:
    """All portals that the reader may know of."""
    wanted, number = state if state in set(HarvestState) else "", page_number(request)
    found, total = queries.targets(work, actor, state=wanted, page=number, size=SIZE)
    return page(
        request, "pushes/list.html", found=found, total=total, number=number, pages=_pages(total), state=wanted,
        may=actor.may(queries.WRITE), **_WORDS,
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(queries.WRITE))
def new_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """The form."""
    return _form(request, work, actor, {"reach": "department", "only_open": "1", "schedule": "every P1D"})


def _form(
    request: Request, work: Work, actor: Actor, given: dict[str, str], *,
    faults: list[tuple[str, Text]] | None = None, error: AppError | None = None,
) -> HTMLResponse:  # fmt: skip
    orgs = [
        org for org in organisations(work) if not org.is_enterprise and actor.may_in(queries.WRITE, org.id)
    ]
    return page(
        request, "pushes/new.html", status=422 if faults else status_of(error) if error else 200, orgs=orgs, error=error,
        given={name: given.get(name, "") for name in LABELS}, faults=faults or [], wrong=dict(faults or []), labels=LABELS,
        reaches=REACHES,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(queries.WRITE))
def add(request: Request, house: HouseDep, actor: ActorDep, typed: Typed) -> Response:
    """Propose one; a refusal shows the form again with all but the credential."""
    given = {name: str(typed.get(name, "")) for name in LABELS if name != "secret"}
    secret = str(typed.get("secret", "")) or None
    try:
        body = PushCreate.model_validate({**given, "only_open": bool(given["only_open"]), "secret": secret})
    except ValidationError as fault:
        with house.read() as work:
            return _form(request, work, actor, given, faults=sentences(fault, LABELS))
    done = tried(house, lambda work: service.add(work, actor, body, house.settings.keys_dir))
    if isinstance(done, AppError):
        with house.read() as work:
            return _form(request, work, actor, given, error=done)
    said = Text(
        "门户已提出；可先试运行，并请另一人批准。",
        "The portal is proposed; try a dry run, and let another person approve it.",
    )
    return go(f"/pushes/{done.id}", said)


@router.get("/{target_id}", response_class=HTMLResponse, **access(queries.READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, target_id: str) -> HTMLResponse:
    """One portal and the pushes to it."""
    return _show(request, work, actor, target_id)


def _show(
    request: Request, work: Work, actor: Actor, target_id: str, error: AppError | None = None
) -> HTMLResponse:
    row, number = queries.target(work, actor, target_id), page_number(request)
    runs, total = queries.runs(work, actor, target_id, page=number)
    is_second = row.proposed["person_id"] != actor.person_id
    return page(
        request, "pushes/show.html", status=status_of(error) if error else 200, target=queries.read(work, row), runs=runs,
        total=total, number=number, pages=_pages(total, 20), error=error, may=actor.may_in(queries.WRITE, row.org_id),
        may_approve=actor.may_in(queries.APPROVE, row.org_id) and is_second, labels=LABELS, **_WORDS,
    )  # fmt: skip


@router.get("/{target_id}/records", response_class=HTMLResponse, **access(queries.READ))
def records_page(
    request: Request, work: ReadDep, actor: ActorDep, target_id: str, drifted: str = ""
) -> HTMLResponse:
    """Our records there, and what was changed there since."""
    target, number = queries.read(work, queries.target(work, actor, target_id)), page_number(request)
    found, total = queries.items(work, actor, target_id, drifted=bool(drifted), page=number, size=SIZE)
    names = titles(work, [each.dataset_id for each in found])
    return page(
        request, "pushes/records.html", target=target, found=found, total=total, number=number, pages=_pages(total),
        drifted="1" if drifted else "", names=names,
    )  # fmt: skip


@router.get("/{target_id}/runs/{run_id}", response_class=HTMLResponse, **access(queries.READ))
def report_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    target_id: str,
    run_id: str,
    result: str = "",
    q: str = "",
) -> HTMLResponse:
    """What became of each record."""
    run = queries.run(work, actor, target_id, run_id)
    wanted, number, words = result if result in set(Result) else "", page_number(request), q[:200]
    found, total = queries.results(work, run.id, result=wanted, words=words, page=number, size=SIZE)
    target = queries.read(work, queries.target(work, actor, target_id))
    return page(
        request, "pushes/run.html", target=target, run=run, found=found, total=total, number=number, pages=_pages(total),
        result=wanted, q=words, **_WORDS,
    )  # fmt: skip


def _stepped(
    request: Request, house: House, actor: Actor, target_id: str, act: Callable[[Work], object], said: Text
) -> Response:
    done = tried(house, act)
    if isinstance(done, NotFound):
        raise done
    if isinstance(done, AppError):
        with house.read() as work:
            return _show(request, work, actor, target_id, done)
    return go(f"/pushes/{target_id}", said)


@router.post("/{target_id}/approve", response_class=HTMLResponse, **access(queries.APPROVE))
def approve(request: Request, house: HouseDep, actor: ActorDep, target_id: str) -> Response:
    """A second person lets our records go there."""
    said = Text(
        "已批准；此后公开记录将推送到该门户。",
        "Approved; from now on public records are pushed there.",
    )
    return _stepped(
        request, house, actor, target_id, lambda work: service.approve(work, actor, target_id), said
    )


@router.post("/{target_id}/run", response_class=HTMLResponse, **access(queries.WRITE))
def run(request: Request, house: HouseDep, actor: ActorDep, target_id: str, typed: Typed) -> Response:
    """Push now, or try."""
    ask = PushAsk(**{name: bool(typed.get(name)) for name in ("dry", "overwrite", "take_back")})
    said = Text("已开始；稍后刷新查看结果。", "It has begun; reload to see what came of it.")
    return _stepped(
        request, house, actor, target_id, lambda work: service.run(work, actor, target_id, ask), said
    )


@router.post("/{target_id}/pause", response_class=HTMLResponse, **access(queries.WRITE))
def pause(request: Request, house: HouseDep, actor: ActorDep, target_id: str) -> Response:
    """Push no more until it is resumed."""
    return _step(request, house, actor, target_id, HarvestStep.PAUSE, Text("已暂停。", "It is paused."))


@router.post("/{target_id}/resume", response_class=HTMLResponse, **access(queries.WRITE))
def resume(request: Request, house: HouseDep, actor: ActorDep, target_id: str) -> Response:
    """Push again."""
    return _step(
        request, house, actor, target_id, HarvestStep.RESUME, Text("已恢复。", "It is active again.")
    )


@router.post("/{target_id}/remove", response_class=HTMLResponse, **access(queries.WRITE))
def remove(request: Request, house: HouseDep, actor: ActorDep, target_id: str) -> Response:
    """Push never again."""
    said = Text(
        "已移除；门户上的记录保留，凭据已删除。",
        "It is removed; what stands there stays, the credential is deleted.",
    )
    return _step(request, house, actor, target_id, HarvestStep.REMOVE, said)


def _step(
    request: Request, house: House, actor: Actor, target_id: str, which: HarvestStep, said: Text
) -> Response:
    return _stepped(
        request, house, actor, target_id, lambda work: service.step(work, actor, target_id, which), said
    )
