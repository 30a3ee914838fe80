"""Pages of what people made of datasets: of one dataset, and of all that the reader may see."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import PUBLIC, SIGNED_IN, access
from api.deps import ActorDep, HouseDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.late import APIRouter
from api.pages.tickets import checked
from api.web import go, page, page_number
from auth.actor import Actor
from catalog import service as catalogue
from catalog.reuses import service
from catalog.reuses.models import ReuseCreate, ReuseDecision
from catalog.reuses.workflow import KIND_NAMES, NEED_REASON, STATE_NAMES, STEP_NAMES, ReuseState, ReuseStep
from core.errors import AppError, NotFound
from core.text import Text
from core.work import Work

router = APIRouter(include_in_schema=True, tags=["pages"])
PER_PAGE = 20
_FIELDS = ("kind", "title", "summary", "url", "made_by", "product_id")


@router.get("/reuses", response_class=HTMLResponse, **access(PUBLIC))
def list_page(request: Request, work: ReadDep, actor: ActorDep, state: str = "shown") -> HTMLResponse:
    """Reuses of every dataset in sight, the shown ones first."""
    return _list(request, work, actor, state=state)


@router.get("/datasets/{dataset_id}/reuses", response_class=HTMLResponse, **access(PUBLIC))
def dataset_page(
    request: Request, work: ReadDep, actor: ActorDep, dataset_id: str, state: str = ""
) -> HTMLResponse:
    """Reuses of one dataset, and the form to suggest one."""
    return _list(request, work, actor, dataset_id=dataset_id, state=state)


def _list(
    request: Request, work: Work, actor: Actor, *, dataset_id: str = "", state: str = "", refusal: AppError | None = None,
    typed: dict[str, Any] | None = None,
) -> HTMLResponse:  # fmt: skip
    number = page_number(request)
    dataset = catalogue.show(work, actor, dataset_id) if dataset_id else None
    state = state if state in list(ReuseState) else ""
    found, total = service.listed(
        work, actor, dataset_id=dataset_id, state=state, offset=(number - 1) * PER_PAGE, limit=PER_PAGE
    )
    products = service.own_products(work, actor, dataset_id) if dataset else []
    return page(
        request, "datasets/reuses.html", status=status_of(refusal) if refusal else 200, dataset=dataset, found=found, total=total,
        number=number, pages=max(1, -(-total // PER_PAGE)), state=state, states=[("", Text("全部", "All")), *STATE_NAMES.items()],
        state_names=STATE_NAMES, kind_names=KIND_NAMES, kinds=list(KIND_NAMES.items()), step_names=STEP_NAMES, need_reason=NEED_REASON,
        products=[("", Text("（无）", "(none)")), *products] if products else [], refusal=refusal,
        typed=typed or dict.fromkeys(_FIELDS, "") | {"kind": "application"},
    )  # fmt: skip


@router.post("/datasets/{dataset_id}/reuses", response_class=HTMLResponse, **access(SIGNED_IN))
def suggest(request: Request, house: HouseDep, actor: ActorDep, dataset_id: str, typed: Typed) -> Response:
    """Suggest one; what was typed stays when it is refused."""
    given = {key: str(typed.get(key, "")).strip() for key in _FIELDS}
    done = tried(house, lambda work: service.suggest(work, actor, dataset_id, checked(ReuseCreate, given)))
    if isinstance(done, AppError):
        with house.read() as work:
            return _list(request, work, actor, dataset_id=dataset_id, refusal=done, typed=given)
    return go(
        f"/datasets/{dataset_id}/reuses#{done.id}",
        Text("已提交，部门审核后公开。", "Suggested; it is shown once the department agrees."),
    )


@router.post("/reuses/{reuse_id}/{step}", response_class=HTMLResponse, **access(SIGNED_IN))
def take_step(
    request: Request, house: HouseDep, actor: ActorDep, reuse_id: str, step: str, typed: Typed
) -> Response:
    """Show, decline, take off or take back."""
    if step not in list(ReuseStep):
        raise NotFound(Text("没有这个步骤。", "There is no such step."))
    body = {"reason": str(typed.get("reason", ""))}
    done = tried(
        house,
        lambda work: service.step(work, actor, reuse_id, ReuseStep(step), checked(ReuseDecision, body)),
    )
    if isinstance(done, AppError):
        with house.read() as work:
            held = service.reuse(work, actor, reuse_id)
            return _list(request, work, actor, dataset_id=held.dataset_id, refusal=done)
    return go(f"/datasets/{done.dataset_id}/reuses#{done.id}", Text("已记录。", "Done."))
