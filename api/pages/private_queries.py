"""Pages for private answers: ask, see the cost before, and see what is left of a dataset's budget."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from api import private_forms, query_forms
from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.forms import Typed
from api.house import House
from api.late import APIRouter
from api.lookups import column_titles
from api.pages.queries import choices
from api.routes.private_queries import plan
from api.routes.queries import desk_of
from api.treatments import OPERATIONS
from api.web import go, page
from api.witnessed import noted
from auth.actor import Actor
from auth.grants import queries as grant_queries
from auth.policy.limits import limits
from auth.policy.model import FILTERABLE
from auth.policy.wording import filter_in_words
from catalog.assets import asset
from core.errors import AppError
from core.ids import GrantId
from core.text import Lang, Text
from core.work import Work
from datasets.queries import terms
from datasets.queries.private import budget, service
from datasets.queries.private.model import MILLION
from datasets.queries.private.rules import KIND_NAMES

router = APIRouter(prefix="/queries", tags=["pages"])


@router.get("/private", response_class=HTMLResponse, **access("datasets:query:ask"))
def form_page(request: Request, work: ReadDep, actor: ActorDep, grant: GrantId) -> HTMLResponse:
    """The form for one grant."""
    return _form(request, work, actor, grant)


@router.post("/private", response_class=HTMLResponse, **access("datasets:query:ask"))
async def submit(request: Request, house: HouseDep, actor: ActorDep, lang: LangDep) -> Response:
    """Show what the question would take, or ask it; a refusal shows every reason and keeps what was chosen."""
    noted(request)  # the service writes its own refusals down
    sent = await request.form()
    given = {key: str(sent[key]) for key in sent}
    return await run_in_threadpool(_submitted, request, house, actor, lang, given)


def _submitted(request: Request, house: House, actor: Actor, lang: Lang, given: dict[str, str]) -> Response:
    grant_id, planned, refusal = GrantId(given.get("grant", "")), None, None
    with house.read() as work:
        view = grant_queries.view_of(work, grant_queries.row(work, grant_id, actor))
        held = asset(work, view.dataset_id)
    try:
        body = private_forms.ask_of(given, held, view.policy.scenario_id)
        if "plan" not in given:
            made = service.ask_for(desk_of(house), actor, body)
            return go(f"/queries/{made.id}", Text("已回答。", "Answered."))
        with house.read() as work:
            planned = plan(work, actor, body, lang)
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        return _form(request, work, actor, grant_id, given=given, planned=planned, refusal=refusal)


def _form(
    request: Request,
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    *,
    given: dict[str, str] | None = None,
    planned: dict[str, Any] | None = None,
    refusal: AppError | None = None,
) -> HTMLResponse:
    row = grant_queries.row(work, grant_id, actor)
    policy, coded = grant_queries.view_of(work, row).policy, limits()
    known = terms.in_force(work, row.dataset_id)
    named = column_titles(work, row.dataset_id)
    measured = sorted({*known.bounds, *known.lists} if known else ())
    return page(
        request, "queries/private.html", status=422 if refusal else 200, grant=row, given=given or {}, planned=planned,
        refusal=refusal, kinds=private_forms.KINDS, operations=OPERATIONS, conditions=range(query_forms.CONDITIONS),
        columns=query_forms.column_options(measured, named), filters=query_forms.column_options([name for name, _ in choices(policy, None, FILTERABLE)[1:]], named), terms=known,
        purposes={code: coded.purposes[code].name for code in policy.purposes if code in coded.purposes},
        own_filter=filter_in_words(policy.row_filter, column_titles(work, row.dataset_id)) if policy.row_filter else None, million=MILLION,
        budget=budget.shown(work, actor, row.dataset_id),
    )  # fmt: skip


@router.get("/budget/{dataset_id}", response_class=HTMLResponse, **access("public"))
def budget_page(request: Request, work: ReadDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """What is left of a dataset's privacy budget this year; with the form for new caps for the approver."""
    return _budget(request, work, actor, dataset_id)


@router.post("/budget/{dataset_id}", response_class=HTMLResponse, **access("datasets:query:cap"))
def set_caps(request: Request, house: HouseDep, actor: ActorDep, typed: Typed, dataset_id: str) -> Response:
    """Set new caps; what cannot be taken is shown with what was typed."""
    given = {key: str(typed[key]) for key in typed}
    try:
        body = private_forms.caps_of(given)
        with house.write() as work:
            budget.set_cap(work, actor, dataset_id, body)
    except AppError as refused:
        with house.read() as work:
            return _budget(request, work, actor, dataset_id, given=given, refusal=refused)
    return go(f"/queries/budget/{dataset_id}", Text("已设定隐私预算上限。", "Privacy budget capped."))


def _budget(
    request: Request,
    work: Work,
    actor: Actor,
    dataset_id: str,
    *,
    given: dict[str, str] | None = None,
    refusal: AppError | None = None,
) -> HTMLResponse:
    shown, held = budget.shown(work, actor, dataset_id), asset(work, dataset_id)
    return page(
        request, "queries/budget.html", status=422 if refusal else 200, budget=shown, held=held, refusal=refusal,
        given=given or private_forms.typed_caps(shown.cap), may_cap=actor.may_in(budget.CAP, held.org_id), million=MILLION,
        kinds=KIND_NAMES | {"org": Text("机构", "Organisation"), "grant": Text("授权", "Grant"), "user": Text("账户", "Account")},
    )  # fmt: skip
