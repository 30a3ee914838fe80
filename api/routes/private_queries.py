"""Private answers: statistics with noise of a known size, paid for from a budget."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep, WorkDep
from api.late import APIRouter
from api.routes.queries import desk_of
from api.witnessed import noted
from auth.actor import Actor
from core.text import Lang
from core.work import Work
from datasets.queries.model import QueryRead
from datasets.queries.private import budget, service
from datasets.queries.private.model import BudgetRead, CapRead, CapWrite, PrivateAsk

router = APIRouter(prefix="/api/v1/queries", tags=["queries"])


@router.post("/private/plan", **access("datasets:query:ask"))
def plan_private(work: ReadDep, actor: ActorDep, lang: LangDep, body: PrivateAsk) -> dict[str, Any]:
    """Whether the question may be asked, with every reason; its epsilon, and how far noise will reach. Takes nothing."""
    return plan(work, actor, body, lang)


def plan(work: Work, actor: Actor, body: PrivateAsk, lang: Lang) -> dict[str, Any]:
    planned = service.plan(work, actor, body)
    case = planned.case
    return {
        "permitted": not planned.reasons,
        "reasons": [reason.as_json(lang) for reason in planned.reasons],
        "release_number": case.release.number if case.release else None,
        "takes": {"epsilon_micro": planned.takes_micro, "extracts": 0 if planned.told_before else 1},
        "within95": {part.name: float(f"{part.within95:.3g}") for part in planned.parts},
        "budget": budget.shown(work, actor, body.dataset_id).model_dump(mode="json"),
    }


@router.post("/private", status_code=201, **access("datasets:query:ask"))
def ask_private(request: Request, house: HouseDep, actor: ActorDep, body: PrivateAsk) -> QueryRead:
    """Ask. The budget is taken before noise is drawn and never given back; the same question again costs nothing."""
    noted(request)  # the service writes its own refusals down
    return service.ask_for(desk_of(house), actor, body)


@router.get("/budget/{dataset_id}", **access("public"))
def show_budget(work: ReadDep, actor: ActorDep, dataset_id: str) -> BudgetRead:
    """The privacy budget of a published dataset: its total for everybody, its parts for those whom they concern."""
    return budget.shown(work, actor, dataset_id)


@router.put("/budget/{dataset_id}", **access("datasets:query:cap"))
def set_budget(work: WorkDep, actor: ActorDep, dataset_id: str, body: CapWrite) -> CapRead:
    """Set the caps of a dataset; every version is kept."""
    return budget.set_cap(work, actor, dataset_id, body)
