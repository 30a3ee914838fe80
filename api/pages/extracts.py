"""Pages for analysts: what was taken out, and a form to take out more."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api import query_forms
from api.access import access
from api.delivery import attachment
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.forms import tried
from api.house import House
from api.late import APIRouter
from api.lookups import column_titles, person_names, text_columns
from api.query_forms import wrong
from api.routes.extracts import ask, delivery_proof, send, ticket
from api.routes.extracts import plan as planned
from api.treatments import lacking
from api.web import go, page
from auth.asset import Asset
from auth.grants import ledger
from auth.grants import queries as grant_queries
from auth.policy.filters.model import parse
from auth.policy.limits import limits
from auth.policy.model import EXTRACT_FORMS, FILTERABLE, DeliveryForm
from auth.policy.wording import filter_in_words
from auth.proof import service as proofs
from auth.proof.checkpoint import Place
from auth.proof.service import InclusionRead, LogFault
from catalog.assets import asset
from catalog.queries import titles
from core.errors import AppError, InputRefused, NotFound
from core.ids import ExtractId, GrantId
from core.jobs import JobRow, read
from core.text import Text
from core.work import Work
from datasets.extracts import downloading, planning, queries, service
from datasets.extracts.models import STATE_NAMES, ExtractCreate, ExtractState
from datasets.formats.kinds import KINDS
from datasets.formats.recipes import recipe_in_r, recipe_of
from datasets.outputs import deciding
from datasets.outputs import opening as outputs
from datasets.releases import queries as releases

router = APIRouter(prefix="/extracts", tags=["pages"])
PER_PAGE: Final = 25
CONDITIONS: Final = 4
FORM_NAMES: Final = {form: kind.name for form, kind in KINDS.items()}
OPERATIONS: Final = {
    "eq": Text("等于", "is"),
    "ne": Text("不等于", "is not"),
    "ge": Text("不小于", "at least"),
    "le": Text("不大于", "at most"),
    "gt": Text("大于", "more than"),
    "lt": Text("小于", "less than"),
    "in": Text("属于（逗号分隔）", "is one of (comma between)"),
    "is_null": Text("为空", "is empty"),
}


@router.get("", response_class=HTMLResponse, **access("datasets:extract:read"))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    state: str = "",
    dataset: str = "",
    sort: str = "-requested",
) -> HTMLResponse:
    """Extracts that the reader may see."""
    number = _page_of(request)
    found, total = queries.listed(
        work, actor, state=state or None, dataset_id=dataset or None, sort=sort,
        offset=(number - 1) * PER_PAGE, limit=PER_PAGE,
    )  # fmt: skip
    return page(
        request, "extracts/list.html", found=found, total=total, page_no=number, pages=max(1, -(-total // PER_PAGE)),
        states=STATE_NAMES, state=state, dataset=dataset, people=person_names(work, {each.requested_name for each in found}), titles=titles(work, [each.dataset_id for each in found]),
    )  # fmt: skip


def _page_of(request: Request) -> int:
    word = request.query_params.get("page", "1")
    return max(1, int(word)) if word.isdecimal() and len(word) < 7 else 1


@router.get("/new", response_class=HTMLResponse, **access("datasets:extract:request"))
def form_page(request: Request, work: ReadDep, actor: ActorDep, grant: GrantId | None = None) -> HTMLResponse:
    """The form for one grant, or the choice of a grant that holds files."""
    if grant is None:
        rows, _ = grant_queries.listed(work, actor, state="ACTIVE", limit=200)
        held = [row for row in rows if EXTRACT_FORMS & grant_queries.forms_of(row)]
        return page(request, "extracts/choose.html", grants=held)
    return _form(request, work, actor, grant)


@router.post("/new", response_class=HTMLResponse, **access("datasets:extract:request"))
async def submit(request: Request, house: HouseDep, actor: ActorDep, lang: LangDep) -> Response:
    """Show the plan, or ask for the file; a refusal shows every reason and keeps what was chosen."""
    sent = await request.form()
    given = {key: [str(value) for value in sent.getlist(key)] for key in sent}
    grant_id = GrantId((given.get("grant") or [""])[0])
    return await run_in_threadpool(_submitted, request, house, actor, lang, grant_id, given)


def _submitted(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    lang: LangDep,
    grant_id: GrantId,
    given: dict[str, list[str]],
) -> Response:
    refusal: AppError | None = None
    plan = None
    with house.read() as work:
        held = asset(work, grant_queries.row(work, grant_id, actor).dataset_id)
    try:
        body = _body(grant_id, given, held)
        if "plan" not in given:
            made = ask(house, actor, body)
            return go(
                f"/extracts/{made.id}",
                Text("已提交提取，正在生成文件。", "Asked for; the file is being made."),
            )
        plan = planned(house, actor, body, lang)
    except AppError as refused:
        refusal = refused
    with house.read() as work:
        return _form(request, work, actor, grant_id, given=given, plan=plan, refusal=refusal)


def _form(
    request: Request, work: Work, actor: ActorDep, grant_id: GrantId, *,
    given: dict[str, list[str]] | None = None, plan: Any = None, refusal: AppError | None = None,  # noqa: ANN401
) -> HTMLResponse:  # fmt: skip
    row = grant_queries.row(work, grant_id, actor)
    view = grant_queries.view_of(work, row)
    coded = limits()
    try:
        titles = {column.name: column.title for column in asset(work, view.dataset_id).columns}
    except NotFound:
        titles = {}
    return page(
        request, "extracts/new.html", status=422 if refusal else 200, grant=row, policy=view.policy, titles=titles,
        column_options=query_forms.column_options([term.name for term in view.policy.columns if term.use in FILTERABLE], titles),
        purposes={code: coded.purposes[code].name for code in view.policy.purposes if code in coded.purposes},
        scenario=coded.scenarios.get(view.policy.scenario_id), operations=OPERATIONS,
        form_options=[(form, FORM_NAMES[form]) for form in view.policy.delivery_forms if form in EXTRACT_FORMS],
        release_options=[("", Text("当前版本", "Current release")), *_release_options(work, view.dataset_id)],
        given=given or {}, plan=plan, refusal=refusal, conditions=range(CONDITIONS),
        left=planning.quota_left(view), kinds=[(KINDS[form].name, KINDS[form].says) for form in view.policy.delivery_forms if form in EXTRACT_FORMS],
        own_filter=filter_in_words(view.policy.row_filter) if view.policy.row_filter else None,
    )  # fmt: skip


def _release_options(work: Work, dataset_id: str) -> list[tuple[str, str]]:
    found = [each for each in releases.releases_of(work, dataset_id) if releases.is_deliverable(each)]
    return [(each.id, f"v{each.number}") for each in found]


def _body(grant_id: GrantId, given: dict[str, list[str]], held: Asset) -> ExtractCreate:
    """The request that the form means. Raises InputRefused with a sentence for what cannot be read."""
    if not given.get("columns"):  # to a program none means all; a person who ticks none does not mean that
        raise InputRefused(
            Text("没有选择任何列；请至少勾选一列。", "No column was chosen; tick at least one.")
        )
    one = {key: values[0] for key, values in given.items() if values}
    parts = [part for number in range(CONDITIONS) if (part := _condition(one, number, held)) is not None]
    row_filter = parts[0] if len(parts) == 1 else {"op": "and", "args": parts} if parts else None
    body = {
        "grant_id": grant_id, "release_id": one.get("release") or None, "columns": given.get("columns", []),
        "filter": row_filter, "purpose": one.get("purpose", ""), "scenario_id": one.get("scenario", ""),
        "form": one.get("form", DeliveryForm.EXTRACT_PARQUET),
    }  # fmt: skip
    try:
        return ExtractCreate.model_validate(body)
    except ValidationError as fault:
        raise wrong(fault) from None


def _condition(one: dict[str, str], number: int, held: Asset) -> dict[str, Any] | None:
    name, operation = one.get(f"column-{number}", ""), one.get(f"op-{number}", "eq")
    if half := lacking(name, operation, one.get(f"value-{number}", "").strip()):
        raise InputRefused(half)
    if not name:
        return None
    if operation == "is_null":
        return {"op": "is_null", "column": name}
    kind = found.type if (found := held.column(name)) else "string"
    typed = one.get(f"value-{number}", "").strip()
    if operation == "in":
        values = [
            _typed(each.strip(), kind, name) for each in typed.replace("，", ",").split(",") if each.strip()
        ]
        return {"op": "in", "column": name, "values": values}
    return {"op": operation, "column": name, "value": _typed(typed, kind, name)}


def _typed(word: str, kind: str, column: str) -> object:
    """A form's text as the JSON value of the column's type."""
    try:
        if kind == "integer":
            return int(word)
        if kind == "number":
            return float(word)
    except ValueError:
        raise InputRefused(
            Text(
                f"列 {column} 的条件值“{word}”不是数字。",
                f"The value “{word}” for column {column} is not a number.",
            )
        ) from None
    if kind == "boolean":
        return word.lower() in ("true", "1", "yes", "是")
    return word


@router.get("/{extract_id}", response_class=HTMLResponse, **access("datasets:extract:read"))
def show_page(
    request: Request, work: ReadDep, actor: ActorDep, house: HouseDep, extract_id: ExtractId
) -> HTMLResponse:
    """One extract: progress while it is made, then the file, its digest and its receipt."""
    found = service.extract(work, actor, extract_id)
    job = work.db.get(JobRow, found.job_id) if found.job_id else None
    row = queries.row(work, extract_id, actor)
    return page(
        request, "extracts/show.html", extract=found, columns=column_titles(work, found.dataset_id), people=person_names(work, {found.requested_name}),
        title=titles(work, [found.dataset_id]).get(found.dataset_id, Text("", "")),
        condition=filter_in_words(parse(found.row_filter) if found.row_filter else None, column_titles(work, found.dataset_id)), filename=(filename := downloading.parcel_of(row).filename), kind=KINDS[found.form], recipe=recipe_of(found.form, filename), in_r=recipe_in_r(found.form, filename, text_columns(work, found.dataset_id, found.columns)), states=STATE_NAMES, forms=FORM_NAMES,
        job=read(job) if job and found.state is ExtractState.BUILDING else None,
        receipt=json.dumps(json.loads(row.receipt), ensure_ascii=False, indent=2) if row.receipt else None,
        is_signed="signature" in json.loads(row.receipt or "{}"), proof=_proof(work, house, extract_id),
        refused=downloading.still_refused(work, row) if found.state is ExtractState.READY else (),
        given_back=bool(ledger.taken_for(work, GrantId(found.grant_id), found.id, kind=ledger.REFUND).get("extracts")),
        review=outputs.newest(work, "extract", extract_id), may_take=actor.may_in("datasets:extract:request", found.org_id), coded=limits(),
    )  # fmt: skip


@router.post("/{extract_id}/withdraw", response_class=HTMLResponse, **access("datasets:extract:request"))
def withdraw(house: HouseDep, actor: ActorDep, extract_id: ExtractId) -> Response:
    """Take back an extract that waits for its output review."""
    made = tried(house, lambda work: deciding.withdraw(work, actor, extract_id))
    if isinstance(made, NotFound):
        raise made
    if isinstance(made, AppError):
        return go(f"/extracts/{extract_id}", made.detail)
    return go(
        f"/extracts/{extract_id}",
        Text(
            "已撤回；行数与字节额度已退还，次数不退。",
            "Withdrawn; rows and bytes were given back, the extract stays taken.",
        ),
    )


@router.post("/{extract_id}/ticket", response_class=HTMLResponse, **access("datasets:extract:request"))
def ticket_page(request: Request, house: HouseDep, actor: ActorDep, extract_id: ExtractId) -> Response:
    """A one-time link, shown once."""
    try:
        made = ticket(request, house, actor, extract_id)
    except NotFound:
        raise
    except AppError as refusal:
        return go(f"/extracts/{extract_id}", refusal.detail)
    with house.read() as work:
        found = service.extract(work, actor, extract_id)
    answer = page(request, "extracts/ticket.html", extract=found, ticket=made)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.get("/{extract_id}/file", **access("datasets:extract:request"))
def download(request: Request, house: HouseDep, actor: ActorDep, extract_id: ExtractId) -> Response:
    """The file, for a browser."""
    return send(request, house, actor, extract_id)


@router.get("/{extract_id}/receipt.json", **access("datasets:extract:read"))
def receipt(work: ReadDep, actor: ActorDep, extract_id: ExtractId) -> Response:
    """The receipt as a file."""
    body = service.receipt(work, actor, extract_id)
    return Response(body, media_type="application/json", headers=attachment(f"receipt-{extract_id}.json"))


@router.get("/{extract_id}/proof.json", **access("datasets:extract:read"))
def proof(work: ReadDep, actor: ActorDep, house: HouseDep, extract_id: ExtractId) -> Response:
    """That the delivery stands in the signed record, as a file that can be checked offline."""
    found = delivery_proof(work, actor, house, extract_id)
    return Response(
        found.model_dump_json(indent=1),
        media_type="application/json",
        headers=attachment(f"proof-{extract_id}.json"),
    )


def _proof(work: Work, house: House, extract_id: ExtractId) -> InclusionRead | None:
    """The proof of the delivery for its page; None while there is none. A log at fault must not hide the receipt."""
    event = proofs.event_of(work, "extract.delivered", extract_id)
    try:
        return proofs.covering(event, Place.of(house.settings)) if event else None
    except LogFault:
        return None
