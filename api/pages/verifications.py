"""Pages for verifications: ask yes or no about one record, and see what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api import query_forms
from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep
from api.house import House
from api.late import APIRouter
from api.lookups import column_titles, person_names
from api.pages.queries import choices
from api.query_forms import wrong
from api.routes.queries import desk_of
from api.treatments import OPERATIONS, condition, lacking
from api.web import page
from api.witnessed import noted
from auth.actor import Actor
from auth.asset import Asset
from auth.grants import queries as grant_queries
from auth.policy.limits import limits
from auth.policy.model import FILTERABLE
from catalog.assets import asset
from catalog.queries import titles
from core.errors import AppError, InputRefused
from core.ids import GrantId
from core.text import Text
from core.work import Work
from datasets.queries.verifying import service
from datasets.queries.verifying.model import VerificationRead, VerifyAsk
from datasets.queries.verifying.rules import key_columns

router = APIRouter(prefix="/verifications", tags=["pages"])
PER_PAGE: Final = 25
COMPARISONS: Final = ("eq", "ne", "lt", "le", "gt", "ge")


@router.get("", response_class=HTMLResponse, **access("datasets:query:read"))
def list_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """Verifications that the reader may see."""
    word = request.query_params.get("page", "1")
    number = max(1, int(word)) if word.isdecimal() and len(word) < 7 else 1
    found, total = service.listed(work, actor, offset=(number - 1) * PER_PAGE, limit=PER_PAGE)
    return page(
        request, "queries/verifications.html", found=found, total=total, page_no=number, pages=max(1, -(-total // PER_PAGE)),
        titles=titles(work, [each.dataset_id for each in found]), people=person_names(work, {each.asked_name for each in found}),
        columns={code: column_titles(work, code) for code in {each.dataset_id for each in found}}, operations=OPERATIONS,
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access("datasets:query:ask"))
def form_page(request: Request, work: ReadDep, actor: ActorDep, grant: GrantId) -> HTMLResponse:
    """The form for one grant."""
    return _form(request, work, actor, grant)


@router.post("/new", response_class=HTMLResponse, **access("datasets:query:ask"))
async def submit(request: Request, house: HouseDep, actor: ActorDep) -> Response:
    """Ask; the answer stands above the form, a refusal with every reason. The address never holds a key."""
    noted(request)  # the service writes its own refusals down
    sent = await request.form()
    given = {key: str(sent[key]) for key in sent}
    return await run_in_threadpool(_submitted, request, house, actor, given)


def _submitted(request: Request, house: House, actor: Actor, given: dict[str, str]) -> Response:
    grant_id, told, refusal = GrantId(given.get("grant", "")), None, None
    with house.read() as work:
        view = grant_queries.view_of(work, grant_queries.row(work, grant_id, actor))
        held = asset(work, view.dataset_id)
    try:
        body = _body(given, held, key_columns(view.policy), view.policy.scenario_id)
        told = service.verify(desk_of(house), actor, body)
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        return _form(request, work, actor, grant_id, given=given, told=told, refusal=refusal)


def _body(given: Mapping[str, str], held: Asset, keys: tuple[str, ...], scenario_id: str) -> VerifyAsk:
    """The question that a form means. Raises InputRefused with a sentence for what cannot be read."""
    key: dict[str, Any] = {}
    for n, name in enumerate(keys):
        value = given.get(f"key-{n}", "").strip()
        column = held.column(name)
        whole = (
            column is not None
            and column.type == "integer"
            and value.lstrip("-").isdecimal()
            and len(value) < 17
        )
        key[name] = int(value) if whole else value
    claim = None
    name, operation = given.get("column", ""), given.get("op", "eq")
    if half := lacking(name, operation, given.get("value", "").strip()):
        raise InputRefused(half)
    if name:
        column = held.column(name)
        try:
            claim = condition(
                name,
                operation,
                given.get("value", "").strip(),
                column.type if column else "string",
            )
        except ValueError:
            raise InputRefused(
                Text(f"列 {name} 的值无法识别。", f"The value for column {name} cannot be read.")
            ) from None
    body = {
        "grant_id": given.get("grant", ""), "dataset_id": held.dataset_id, "purpose": given.get("purpose", ""),
        "scenario_id": scenario_id, "key": key, "claim": claim,
        "consent": {"reference": given.get("reference", "").strip(), "given_on": given.get("given_on") or None, "until": given.get("until") or None},
    }  # fmt: skip
    try:
        return VerifyAsk.model_validate(body)
    except ValidationError as fault:
        raise wrong(fault) from None


def _form(
    request: Request,
    work: Work,
    actor: Actor,
    grant_id: GrantId,
    *,
    given: dict[str, str] | None = None,
    told: VerificationRead | None = None,
    refusal: AppError | None = None,
) -> HTMLResponse:
    row = grant_queries.row(work, grant_id, actor)
    policy, coded = grant_queries.view_of(work, row).policy, limits()
    return page(
        request, "queries/verify.html", status=422 if refusal else 200, grant=row, given=given or {}, told=told, refusal=refusal,
        keys=list(enumerate(key_columns(policy))), columns=query_forms.column_options([name for name, _ in choices(policy, None, FILTERABLE)[1:]], column_titles(work, row.dataset_id)),
        operations=[(code, OPERATIONS[code]) for code in COMPARISONS if code in OPERATIONS], coded=coded,
        purposes={code: coded.purposes[code].name for code in policy.purposes if code in coded.purposes},
    )  # fmt: skip
