"""Pages for analysts: ask for statistics under a grant, and see what was asked and told."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from api import query_forms
from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.forms import Typed
from api.house import House
from api.late import APIRouter
from api.lookups import column_titles, person_names
from api.routes.queries import desk_of, plan
from api.treatments import OPERATIONS
from api.web import go, page
from api.witnessed import noted
from auth.actor import Actor
from auth.asset import Asset
from auth.grants import queries as grant_queries
from auth.policy.limits import limits
from auth.policy.model import AGGREGABLE, FILTERABLE, STATISTIC_FORMS, DeliveryForm, GrantPolicy, Use
from auth.policy.wording import FORM_NAMES, filter_in_words
from catalog.assets import asset
from catalog.queries import titles
from core.errors import AppError, NotFound
from core.ids import GrantId
from core.text import Lang, Text
from core.work import Work
from datasets.queries import queries, service, terms
from datasets.queries.model import QueryAsk
from datasets.queries.private.model import MILLION, PrivateAsk

router = APIRouter(prefix="/queries", tags=["pages"])
PER_PAGE: Final = 25
_ASKED: Final = STATISTIC_FORMS | {DeliveryForm.VERIFY, DeliveryForm.PREVIEW, DeliveryForm.ENCLAVE}


@router.get("", response_class=HTMLResponse, **access("datasets:query:read"))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", dataset: str = "", sort: str = "-asked"
) -> HTMLResponse:
    """Questions that the reader may see."""
    word = request.query_params.get("page", "1")
    number = max(1, int(word)) if word.isdecimal() and len(word) < 7 else 1
    found, total = queries.listed(
        work, actor, state=state or None, dataset_id=dataset or None, sort=sort,
        offset=(number - 1) * PER_PAGE, limit=PER_PAGE,
    )  # fmt: skip
    named = {code: column_titles(work, code) for code in {each.dataset_id for each in found}}
    return page(
        request, "queries/list.html", found=found, total=total, page_no=number, pages=max(1, -(-total // PER_PAGE)),
        states=service.STATE_NAMES, state=state, dataset=dataset, forms=FORM_NAMES, people=person_names(work, {each.asked_name for each in found}),
        measures={each.id: query_forms.called(each.measures, named[each.dataset_id]) for each in found},
        groups={each.id: query_forms.called(each.groups, named[each.dataset_id]) for each in found},
        titles=titles(work, [each.dataset_id for each in found]),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access("datasets:query:ask"))
def form_page(request: Request, work: ReadDep, actor: ActorDep, grant: GrantId | None = None) -> HTMLResponse:
    """The form for one grant, or the choice of a grant that holds statistics."""
    if grant is None:
        rows, _ = grant_queries.listed(work, actor, state="ACTIVE", limit=200)
        held = [row for row in rows if _ASKED & grant_queries.forms_of(row)]
        forms = {row.id: grant_queries.forms_of(row) for row in held}
        return page(request, "queries/choose.html", grants=held, forms=forms)
    return _form(request, work, actor, grant)


@router.post("/new", response_class=HTMLResponse, **access("datasets:query:ask"))
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
        body: QueryAsk = query_forms.body_of(given, held, view.policy.scenario_id)
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
    try:
        held = asset(work, row.dataset_id)
    except NotFound:
        held = None

    return page(
        request, "queries/new.html", status=422 if refusal else 200, grant=row, policy=policy, given=given or {},
        planned=planned, refusal=refusal, kinds=query_forms.KINDS, units=query_forms.UNITS, operations=OPERATIONS,
        numbers=choices(policy, held, AGGREGABLE, ("integer", "number")), groups=choices(policy, held, AGGREGABLE),
        filters=choices(policy, held, FILTERABLE),
        measures=range(query_forms.MEASURES), group_lines=range(query_forms.GROUPS), conditions=range(query_forms.CONDITIONS),
        purposes={code: coded.purposes[code].name for code in policy.purposes if code in coded.purposes},
        own_filter=filter_in_words(policy.row_filter, column_titles(work, row.dataset_id)) if policy.row_filter else None,
        terms=terms.in_force(work, row.dataset_id),
    )  # fmt: skip


def choices(
    policy: GrantPolicy, held: Asset | None, uses: frozenset[Use], kinds: tuple[str, ...] = ()
) -> list[tuple[str, Text | str]]:
    """Columns of the grant with one of these uses, and of these types where any are named."""
    named = [term.name for term in policy.columns if term.use in uses]
    fits = [n for n in named if not kinds or (held and (c := held.column(n)) is not None and c.type in kinds)]
    return query_forms.column_options(fits, {c.name: c.title for c in held.columns} if held else {})


@router.get("/terms/{dataset_id}", response_class=HTMLResponse, **access("datasets:query:terms"))
def terms_page(request: Request, work: ReadDep, actor: ActorDep, dataset_id: str) -> HTMLResponse:
    """The terms in force, and the form for new ones."""
    return _terms(request, work, actor, dataset_id)


@router.post("/terms/{dataset_id}", response_class=HTMLResponse, **access("datasets:query:terms"))
def set_terms(request: Request, house: HouseDep, actor: ActorDep, typed: Typed, dataset_id: str) -> Response:
    """Set new terms; what cannot be taken is shown with what was typed."""
    given = {key: str(typed[key]) for key in typed}
    try:
        body = query_forms.terms_of(given)
        with house.write() as work:
            terms.put(work, actor, dataset_id, body)
    except AppError as refused:
        with house.read() as work:
            return _terms(request, work, actor, dataset_id, given=given, refusal=refused)
    return go(f"/queries/terms/{dataset_id}", Text("已设定查询条款。", "Terms for queries set."))


def _terms(
    request: Request,
    work: Work,
    actor: Actor,
    dataset_id: str,
    *,
    given: dict[str, str] | None = None,
    refusal: AppError | None = None,
) -> HTMLResponse:
    held, now = terms.own(work, actor, dataset_id), terms.in_force(work, dataset_id)
    return page(
        request, "queries/terms.html", status=422 if refusal else 200, held=held, terms=now, refusal=refusal,
        given=given or query_forms.typed_terms(now),
        contributors=[("", Text("每行即一个贡献者", "Every row is a contributor")), *((c.name, c.name) for c in held.columns)],
    )  # fmt: skip


@router.get("/{answer_id}", response_class=HTMLResponse, **access("datasets:query:read"))
def show_page(
    request: Request, work: ReadDep, actor: ActorDep, lang: LangDep, answer_id: str
) -> HTMLResponse:
    """One question with its answer, as a table and a chart."""
    found = queries.one(work, actor, answer_id)
    named = column_titles(work, found.dataset_id)
    heads = query_forms.heads_of((*found.groups, *found.measures), named)
    chart = query_forms.chart_of(found.rows, found.measures)
    for series in chart["series"] if chart else ():
        series["name"] = heads[series["name"]].in_(lang)
    return page(
        request, "queries/show.html", answer=found, is_private=found.form == DeliveryForm.QUERY_DP, million=MILLION, states=service.STATE_NAMES, forms=FORM_NAMES, coded=limits(),
        asked=_in_words(found.query, column_titles(work, found.dataset_id)), chart=chart, heads=heads,
        people=person_names(work, {found.asked_name}), title=titles(work, [found.dataset_id]).get(found.dataset_id, Text("", "")),
    )  # fmt: skip


def _in_words(query: dict[str, Any], titles: dict[str, Text]) -> Text:
    model = PrivateAsk if "measure" in query else QueryAsk
    return filter_in_words(model.model_validate(query).where, titles)
