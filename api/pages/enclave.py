"""Pages of the enclave: the list, the form of a specification, and one request for analyst, steward and checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api import query_forms
from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.errors import status_of
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import column_titles, org_names, person_names
from api.pages.queries import choices
from api.pages.tickets import checked
from api.routes.enclave import plan, submitted
from api.treatments import OPERATIONS
from api.web import go, page, page_number
from api.witnessed import noted
from auth.actor import Actor
from auth.asset import Asset
from auth.grants import queries as grant_queries
from auth.policy.limits import limits
from auth.policy.model import AGGREGABLE, FILTERABLE, LEAVING, DeliveryForm
from auth.policy.wording import filter_in_words
from auth.stored import UNREADABLE
from catalog import queries as catalog
from catalog.assets import asset
from core.errors import AppError, NotFound
from core.ids import GrantId
from core.text import Lang, Text
from core.work import Work
from datasets.enclave import queries, service
from datasets.enclave.model import EnclaveDecision, EnclaveRevise, EnclaveSpec, EnclaveSubmit
from datasets.enclave.workflow import STATE_NAMES, STEP_NAMES
from datasets.outputs import opening
from datasets.queries import terms

router = APIRouter(prefix="/enclave", tags=["pages"])
_READ, _ASK, _REVIEW = "datasets:enclave:read", "datasets:query:ask", "datasets:enclave:review"
PER_PAGE: Final = 25


@router.get("", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    state: str = "",
    dataset: str = "",
    sort: str = "-submitted",
) -> HTMLResponse:
    """Requests that the reader may see."""
    number = page_number(request)
    found, total = queries.listed(
        work, actor, state=state if state in STATE_NAMES else None, dataset_id=dataset.strip() or None, sort=sort,
        offset=(number - 1) * PER_PAGE, limit=PER_PAGE,
    )  # fmt: skip
    named = {code: column_titles(work, code) for code in {each.dataset_id for each in found}}
    specs = {each.id: EnclaveSpec.model_validate(each.spec) for each in found if each.spec is not None}
    return page(
        request, "enclave/list.html", found=found, total=total, page_no=number, pages=max(1, -(-total // PER_PAGE)),
        states=STATE_NAMES, state=state, dataset=dataset, orgs=org_names(work),
        titles=catalog.titles(work, sorted({each.dataset_id for each in found})), people=person_names(work, {each.requested_name for each in found}),
        measures={each.id: query_forms.called(specs[each.id].measures, named[each.dataset_id]) for each in found if each.id in specs},
        groups={each.id: query_forms.called(specs[each.id].groups, named[each.dataset_id]) for each in found if each.id in specs},
        unreadable=UNREADABLE,
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(_ASK))
def form_page(
    request: Request, work: ReadDep, actor: ActorDep, grant: GrantId | None = None, revise: str = ""
) -> HTMLResponse:
    """The form of a specification under one grant; `revise` names a returned one, whose choices it shows."""
    if revise:
        row = queries.row(work, actor, revise)
        spec = queries.spec_of(row).model_dump(mode="json")
        typed = query_forms.typed_tree(spec)
        given = {**(typed or {}), "revise": row.id, "because": row.because, "limit": str(spec["limit"] or "")}
        if spec["sort"]:
            given |= {
                "sort": spec["sort"][0]["by"],
                "descending": "yes" if spec["sort"][0]["descending"] else "",
            }
        return _form(request, work, actor, GrantId(row.grant_id), given=given, is_lost=typed is None)
    if grant is None:
        rows, _ = grant_queries.listed(work, actor, state="ACTIVE", limit=200)
        forms = {row.id: grant_queries.forms_of(row) for row in rows}
        held = [row for row in rows if DeliveryForm.ENCLAVE in forms[row.id]]
        return page(request, "queries/choose.html", grants=held, forms=forms)
    return _form(request, work, actor, grant)


@router.post("/new", response_class=HTMLResponse, **access(_ASK))
async def submit(request: Request, house: HouseDep, actor: ActorDep, lang: LangDep) -> Response:
    """Show what it would take, or hand it in; a refusal shows every reason and keeps what was chosen."""
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
        spec = _spec_of(given, held, view.policy.scenario_id)
        if "plan" not in given:
            return _handed_in(house, actor, spec, given)
        with house.read() as work:
            planned = plan(work, actor, spec, lang)
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        return _form(request, work, actor, grant_id, given=given, planned=planned, refusal=refusal)


def _handed_in(house: House, actor: Actor, spec: EnclaveSpec, given: dict[str, str]) -> Response:
    because = given.get("because", "")
    if revised := given.get("revise", ""):
        body = checked(EnclaveRevise, {"spec": spec.model_dump(), "because": because})
        with house.write() as work:
            service.revise(work, actor, revised, body)
        return go(f"/enclave/{revised}", Text("已再次提交。", "Handed in again."))
    made = submitted(house, actor, checked(EnclaveSubmit, {"spec": spec.model_dump(), "because": because}))
    return go(
        f"/enclave/{made.id}", Text("已提交，等数据专员审查。", "Handed in; a data steward reviews it.")
    )


def _spec_of(given: dict[str, str], held: Asset, scenario_id: str) -> EnclaveSpec:
    """The specification that the form means. Raises InputRefused with a sentence."""
    body: dict[str, Any] = query_forms.tree_of(given, held, scenario_id)
    if by := given.get("sort", "").strip():
        body["sort"] = [{"by": by, "descending": given.get("descending", "") == "yes"}]
    if most := given.get("limit", "").strip():
        body["limit"] = int(most) if most.isdecimal() and len(most) < 9 else most
    try:
        return EnclaveSpec.model_validate(body)
    except ValidationError as fault:
        raise query_forms.wrong(fault) from None


def _form(
    request: Request,
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    *,
    given: dict[str, str] | None = None,
    planned: dict[str, Any] | None = None,
    refusal: AppError | None = None,
    is_lost: bool = False,
) -> HTMLResponse:
    row = grant_queries.row(work, grant_id, actor)
    policy, coded = grant_queries.view_of(work, row).policy, limits()
    try:
        held = asset(work, row.dataset_id)
    except NotFound:
        held = None
    entered = AGGREGABLE | LEAVING
    return page(
        request, "enclave/new.html", status=status_of(refusal) if refusal else 200, grant=row, given=given or {}, planned=planned,
        refusal=refusal, is_lost=is_lost, kinds=query_forms.KINDS, units=query_forms.UNITS, operations=OPERATIONS,
        numbers=choices(policy, held, entered, ("integer", "number")), groups=choices(policy, held, entered),
        filters=choices(policy, held, FILTERABLE), measures=range(query_forms.MEASURES),
        group_lines=range(query_forms.GROUPS), conditions=range(query_forms.CONDITIONS),
        purposes={code: coded.purposes[code].name for code in policy.purposes if code in coded.purposes},
        own_filter=filter_in_words(policy.row_filter, column_titles(work, row.dataset_id)) if policy.row_filter else None,
        terms=terms.in_force(work, row.dataset_id),
    )  # fmt: skip


@router.get("/{enclave_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, enclave_id: str) -> HTMLResponse:
    """One request."""
    return _show(request, work, actor, enclave_id)


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    enclave_id: str,
    *,
    refusal: AppError | None = None,
    typed: str = "",
) -> HTMLResponse:
    found = service.detail(work, actor, enclave_id)
    spec, named = EnclaveSpec.model_validate(found.spec), column_titles(work, found.dataset_id)
    title = catalog.titles(work, [found.dataset_id]).get(
        found.dataset_id, Text(found.dataset_id, found.dataset_id)
    )
    review = opening.newest(work, "enclave", found.id) if found.review_id else None
    return page(
        request, "enclave/show.html", status=status_of(refusal) if refusal else 200, made=found, spec=spec, title=title,
        states=STATE_NAMES, step_names=STEP_NAMES, where=filter_in_words(spec.where, column_titles(work, found.dataset_id)) if spec.where else None,
        orgs=org_names(work), coded=limits(), refusal=refusal, typed=typed, due=review.due_on if review else None,
        measures=query_forms.called(spec.measures, named), groups=query_forms.called(spec.groups, named), heads=query_forms.heads_of((*spec.measures, *spec.groups), named),
        people=person_names(work, {found.requested_name}), whole=found.spec, open=[each.step for each in found.commands if each.allowed],
    )  # fmt: skip


@router.post("/{enclave_id}/decision", response_class=HTMLResponse, **access(_REVIEW))
def decide(request: Request, house: HouseDep, actor: ActorDep, form: Typed, enclave_id: str) -> Response:
    """Approve, return or decline the specification that was read."""
    given = {name: str(form.get(name, "")) for name in ("decision", "spec_hash", "note")}
    said = {
        "approve": Text("已批准，开始域内计算。", "Approved; it is computed inside now."),
        "return": Text("已退回修改。", "Returned for changes."),
        "decline": Text("未予批准，已告知申请方。", "Declined; the requester was told."),
    }
    return _done(
        request, house, actor, enclave_id, said.get(given["decision"], Text("已办理。", "Done.")), given["note"],
        lambda work: service.decide(work, actor, enclave_id, checked(EnclaveDecision, given)),
    )  # fmt: skip


@router.post("/{enclave_id}/withdraw", response_class=HTMLResponse, **access(_ASK))
def withdraw(request: Request, house: HouseDep, actor: ActorDep, enclave_id: str) -> Response:
    """Take it back."""
    said = Text("已撤回。", "Withdrawn.")
    return _done(
        request, house, actor, enclave_id, said, "", lambda work: service.withdraw(work, actor, enclave_id)
    )


def _done(
    request: Request,
    house: House,
    actor: Actor,
    enclave_id: str,
    said: Text,
    typed: str,
    do: Callable[[Work], Any],
) -> Response:
    made = tried(house, do)
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, enclave_id, refusal=made, typed=typed)
    return go(f"/enclave/{enclave_id}", said)
