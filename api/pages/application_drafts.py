"""Pages for making an application, step by step and without scripts: datasets, columns, purpose, check and submit.

Each step saves the draft, so nothing is lost in between; a step that cannot be saved shows itself again as typed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from starlette.datastructures import FormData

from api import scanning
from api.access import access
from api.deps import ActorDep, HouseDep, LangDep, ReadDep
from api.forms import Typed, sentences
from api.house import House
from api.late import APIRouter
from api.line_forms import CONDITIONS, Faults, line_from, line_view
from api.lookups import assets, choices, enterprises, holds, seen_assets
from api.pages.applications import EDIT, WRITE, context_of, may_edit
from api.pages.tickets import checked
from api.routes.applications import noted
from api.treatments import OPERATIONS
from api.web import go, page
from auth.actor import Actor
from auth.applications import co_applicants, queries, service
from auth.applications.models import (
    ApplicationAsk,
    ApplicationRead,
    ApplicationSave,
    AssistedAsk,
    LineAsk,
    StepBody,
)
from auth.applications.workflow import State
from auth.asset import Asset
from auth.policy.limits import limits
from auth.policy.wording import FORM_NAMES
from catalog.search.engine import Search, search
from core.errors import AccessRefused, AppError, InputRefused, Reason
from core.ids import ApplicationId, DatasetId
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/applications", include_in_schema=True, tags=["pages"])
ASSIST: Final = "auth:application:assist"
Held = dict[DatasetId, Asset]
STEPS: Final = (
    ("datasets", Text("选择数据集", "Choose datasets")),
    ("columns", Text("选列并说明理由", "Columns, each with a reason")),
    ("purpose", Text("场景、用途与期限", "Scenario, purpose, period")),
    ("check", Text("预检并提交", "Check and submit")),
)
LABELS: Final = {
    "purpose_text": Text("用途说明", "Purpose in words"),
    "starts_on": Text("起始日期", "First day"),
    "ends_on": Text("结束日期", "Last day"),
    "retention_days": Text("留存天数", "Days kept"),
    "lines": Text("数据集", "Datasets"),
    "purposes": Text("用途", "Purposes"),
}


def _wizard(at: str) -> list[dict[str, Any]]:
    names = [name for name, _ in STEPS]
    now = names.index(at)
    return [
        {"label": label, "state": "done" if n < now else "now" if n == now else "todo"}
        for n, (_, label) in enumerate(STEPS)
    ]


# -- which datasets


@router.get("/new", response_class=HTMLResponse, **access(WRITE))
def new_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    dataset: str = "",
    q: str = "",
    scenario: str = "",
) -> HTMLResponse:
    """Choose datasets for a new application; `dataset` and `scenario` are chosen already."""
    return _choose(request, work, actor, lang, {dataset} - {""}, q, scenario=scenario)


@router.post("/new", response_class=HTMLResponse, **access(WRITE))
def create(request: Request, house: HouseDep, actor: ActorDep, lang: LangDep, form: Typed) -> Response:
    """Make the draft."""
    chosen = _chosen(form)
    scenario = str(form.get("scenario", ""))[:80]
    ask = ApplicationAsk(
        lines=tuple(LineAsk(dataset_id=DatasetId(each)) for each in chosen), scenario_id=scenario
    )
    typed = {name: str(form.get(name, "")).strip() for name in ("org_id", "assisted_for")}

    def make(work: Work) -> ApplicationRead:
        seen = partial(seen_assets, work, actor)
        if actor.may(ASSIST):
            return service.assist(work, actor, checked(AssistedAsk, ask.model_dump() | typed), assets=seen)
        return service.create(work, actor, ask, assets=seen)

    outcome = _attempt(house, actor, "", "create", make)
    if isinstance(outcome, AppError):
        with house.read() as work:
            return _choose(
                request,
                work,
                actor,
                lang,
                set(chosen),
                str(form.get("q", "")),
                refusal=outcome,
                scenario=scenario,
                typed=typed,
            )
    return go(f"/applications/{outcome.id}/columns")


@router.get("/{application_id}/datasets", response_class=HTMLResponse, **access(EDIT))
def datasets_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    lang: LangDep,
    application_id: ApplicationId,
    q: str = "",
) -> HTMLResponse:
    """Change which datasets the draft is about."""
    found = _draft(work, actor, application_id)
    return _choose(request, work, actor, lang, set(found.datasets), q, found=found)


@router.post("/{application_id}/datasets", response_class=HTMLResponse, **access(EDIT))
def save_datasets(
    request: Request,
    house: HouseDep,
    actor: ActorDep,
    lang: LangDep,
    application_id: ApplicationId,
    form: Typed,
) -> Response:
    """Keep the lines of datasets that stay, add empty ones for new datasets."""
    chosen = _chosen(form)

    def change(ask: ApplicationAsk, _held: Held) -> dict[str, Any]:
        kept = {line.dataset_id: line for line in ask.lines}
        return {"lines": [kept.get(DatasetId(each), LineAsk(dataset_id=DatasetId(each))) for each in chosen]}

    outcome = _change(house, actor, application_id, form, change)
    if isinstance(outcome, ApplicationRead):
        return go(f"/applications/{application_id}/columns")
    with house.read() as work:
        found = _draft(work, actor, application_id)
        return _choose(request, work, actor, lang, set(chosen), "", found=found, refusal=_as_refusal(outcome))


def _choose(
    request: Request, work: Work, actor: Actor, lang: Any, chosen: set[str], q: str, *,  # noqa: ANN401
    found: ApplicationRead | None = None, refusal: AppError | None = None, scenario: str = "", typed: dict[str, str] | None = None,
) -> HTMLResponse:  # fmt: skip
    """The catalogue as a list to tick; what may not be granted is listed with the reason and cannot be ticked."""
    hits = search(work, actor, Search(q, {}, "relevance" if q else "title", 100, 0, lang)).hits
    rows = [hit.row for hit in hits if hit.row.state == "published"]
    listed = {row.id for row in rows}
    shown = [*(queries_row for queries_row in _picked(work, actor, chosen - listed)), *rows]
    options = [
        {
            "id": row.id,
            "title": Text(row.title_zh, row.title_en or row.title_zh),
            "level": row.data_level,
            "open_type": row.open_type,
            "shut": row.open_type == "N" or row.auth_op_scope not in ("yes", "negotiable"),
        }
        for row in shown
    ]
    return page(
        request, "applications/choose.html", status=422 if refusal else 200, options=options, chosen=chosen, q=q,
        found=found, refusal=refusal, steps=_wizard("datasets"), scenario=scenario, typed=typed or {}, helps=actor.may(ASSIST),
        enterprises=enterprises(work) if actor.may(ASSIST) else [],
    )  # fmt: skip


def _picked(work: Work, actor: Actor, chosen: set[str]) -> list[Any]:
    from catalog import queries as catalog

    rows = []
    for each in sorted(chosen):
        try:
            rows.append(catalog.dataset(work, actor, each))
        except AppError:
            continue
    return rows


def _chosen(form: FormData) -> list[str]:
    return list(dict.fromkeys(str(value)[:120] for value in form.getlist("dataset") if str(value)))


# -- which columns, rows, forms, how much


@router.get("/{application_id}/columns", response_class=HTMLResponse, **access(EDIT))
def columns_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """Tick columns and say for each why it is needed."""
    return _columns(request, work, actor, application_id, None, [], None)


@router.post("/{application_id}/columns", response_class=HTMLResponse, **access(EDIT))
def save_columns(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Save the lines as ticked."""
    faults: Faults = []

    def change(ask: ApplicationAsk, held: Held) -> dict[str, Any]:
        lines = [line_from(n, line, held[line.dataset_id], form, faults) for n, line in enumerate(ask.lines)]
        return {"lines": lines}

    outcome = _change(house, actor, application_id, form, change, faults)
    if isinstance(outcome, ApplicationRead):
        return go(f"/applications/{application_id}/{'columns' if form.get('stay') else 'purpose'}", SAVED)
    with house.read() as work:
        found = outcome if isinstance(outcome, list) else []
        refusal = outcome if isinstance(outcome, AppError) else None
        return _columns(request, work, actor, application_id, form, found, refusal)


SAVED: Final = Text("已保存。", "Saved.")


def _columns(
    request: Request,
    work: Work,
    actor: Actor,
    application_id: ApplicationId,
    form: FormData | None,
    faults: Faults,
    refusal: AppError | None,
) -> HTMLResponse:
    found = _draft(work, actor, application_id)
    ask = queries.ask_of(work, queries.row(work, application_id, actor))
    lines = [
        line_view(
            n, line, assets(work, line.dataset_id), form,
            choices(
                work, found.org_id, line.dataset_id, line.pinned_release, line.members, line.fee_reference
            ),
        )
        for n, line in enumerate(ask.lines)
    ]  # fmt: skip
    return page(
        request, "applications/columns.html", status=422 if faults or refusal else 200, found=found, lines=lines,
        faults=faults, bad=dict(faults), refusal=refusal, steps=_wizard("columns"), operations=list(OPERATIONS.items()),
        forms=[(form_.value, name) for form_, name in FORM_NAMES.items()], conditions=range(CONDITIONS),
        level_rule=limits().levels,
    )  # fmt: skip


# -- what for, until when


@router.get("/{application_id}/purpose", response_class=HTMLResponse, **access(EDIT))
def purpose_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """Scenario, purposes, purpose in words, period, retention."""
    return _purpose(request, work, actor, application_id, None, [], None)


@router.post("/{application_id}/purpose", response_class=HTMLResponse, **access(EDIT))
def save_purpose(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Save them."""

    def change(_ask: ApplicationAsk, _held: Held) -> dict[str, Any]:
        given = {
            name: str(form.get(name, "")).strip() or None
            for name in ("starts_on", "ends_on", "retention_days")
        }
        return given | {
            "scenario_id": str(form.get("scenario_id", "")),
            "purposes": [str(code) for code in form.getlist("purposes")],
            "purpose_text": str(form.get("purpose_text", "")).strip(),
        }

    outcome = _change(house, actor, application_id, form, change)
    if isinstance(outcome, ApplicationRead):
        return go(f"/applications/{application_id}/{'purpose' if form.get('stay') else 'check'}", SAVED)
    with house.read() as work:
        faults = outcome if isinstance(outcome, list) else []
        refusal = outcome if isinstance(outcome, AppError) else None
        return _purpose(request, work, actor, application_id, form, faults, refusal)


def _purpose(
    request: Request,
    work: Work,
    actor: Actor,
    application_id: ApplicationId,
    form: FormData | None,
    faults: Faults,
    refusal: AppError | None,
) -> HTMLResponse:
    found, known = _draft(work, actor, application_id), limits()
    values: dict[str, Any] = {
        name: getattr(found, name)
        for name in (
            "scenario_id",
            "purposes",
            "purpose_text",
            "starts_on",
            "ends_on",
            "retention_days",
        )
    }
    if form is not None:
        values = {name: str(form.get(name, "")) for name in values} | {"purposes": form.getlist("purposes")}
    return page(
        request, "applications/purpose.html", status=422 if faults or refusal else 200, found=found, values=values,
        faults=faults, bad=dict(faults), refusal=refusal, steps=_wizard("purpose"), known=known,
        scenario_options=[("", Text("请选择", "Choose")), *((c.code, c.name) for c in known.scenarios.values())],
        purpose_options=[(c.code, c.name) for c in known.purposes.values()],
    )  # fmt: skip


# -- check and submit


@router.get("/{application_id}/check", response_class=HTMLResponse, **access(EDIT))
def check_page(
    request: Request, work: ReadDep, actor: ActorDep, application_id: ApplicationId
) -> HTMLResponse:
    """What would be refused, before anything is sent."""
    return _check(request, work, actor, application_id, None)


@router.post("/{application_id}/submit", response_class=HTMLResponse, **access(WRITE))
def submit(
    request: Request, house: HouseDep, actor: ActorDep, application_id: ApplicationId, form: Typed
) -> Response:
    """Hand it in."""
    body = StepBody(version=_version(form))
    outcome = _attempt(
        house,
        actor,
        application_id,
        "submit",
        lambda work: service.submit(work, actor, application_id, body, assets=partial(assets, work)),
        before=partial(scanning.look_at_papers, house, actor, application_id),
    )
    if isinstance(outcome, AppError):
        with house.read() as work:
            return _check(request, work, actor, application_id, outcome)
    return go(
        f"/applications/{application_id}",
        Text("申请已提交，等待受理。", "Submitted; it waits to be screened."),
    )


def _check(
    request: Request, work: Work, actor: Actor, application_id: ApplicationId, refusal: AppError | None
) -> HTMLResponse:
    found = _draft(work, actor, application_id)
    said = service.precheck(work, actor, application_id, assets=partial(assets, work), holds=holds(work))
    return page(
        request, "applications/check.html", status=422 if refusal else 200,
        **(context_of(work, actor, found) | {"steps": _wizard("check")}), said=said, refusal=refusal,
    )  # fmt: skip


# -- shared


def _draft(work: Work, actor: Actor, application_id: ApplicationId) -> ApplicationRead:
    """The application while it may be filled in; a sentence that says so otherwise."""
    found = service.application(work, actor, application_id)
    if found.state not in (State.DRAFT, State.RETURNED):
        raise InputRefused(
            Text(
                "申请已提交，不能再修改内容。",
                "The application has been submitted; its content cannot be changed any more.",
            )
        )
    if not may_edit(actor, found):
        said = Text(
            "这份草稿由本机构的申请人填写；如需您共同填写，请申请人将您指定为共同申请人。",
            "Applicants of the organisation fill in this draft; to help, have one of them name you a co-applicant.",
        )
        raise AccessRefused(said, reasons=[Reason("not-a-co-applicant", said, co_applicants.RULE)])
    return found


def _version(form: FormData) -> int | None:
    word = str(form.get("version", ""))
    return int(word) if word.isdecimal() and len(word) < 10 else None


def _attempt(
    house: House,
    actor: Actor,
    application_id: str,
    step: str,
    act: Callable[[Work], ApplicationRead],
    before: Callable[[], None] | None = None,
) -> ApplicationRead | AppError:
    """Do it in a transaction of its own, after `before`; refused attempts are kept on record and come back as a value."""
    try:
        if before is not None:
            before()
        with noted(house, actor, application_id, step), house.write() as work:
            return act(work)
    except AppError as refused:
        return refused


def _change(
    house: House,
    actor: Actor,
    application_id: ApplicationId,
    form: FormData,
    change: Callable[[ApplicationAsk, Held], dict[str, Any]],
    faults: Faults | None = None,
) -> ApplicationRead | AppError | Faults:
    """Save the draft with a part of it replaced: the new state, or the refusal, or what does not fit, field by field."""
    try:
        with house.read() as work:
            ask = queries.ask_of(work, queries.row(work, application_id, actor))
            held = {line.dataset_id: assets(work, line.dataset_id) for line in ask.lines}
        changed = ask.model_dump() | change(ask, held) | {"version": _version(form)}
        if faults:
            return faults
        body = ApplicationSave.model_validate(changed)
    except ValidationError as wrong:
        return sentences(wrong, LABELS)
    except AppError as refused:
        return refused
    return _attempt(
        house,
        actor,
        application_id,
        "save",
        lambda work: service.save(
            work, actor, application_id, body, assets=partial(seen_assets, work, actor)
        ),
    )


def _as_refusal(outcome: AppError | Faults) -> AppError:
    if isinstance(outcome, AppError):
        return outcome
    return InputRefused(
        Text("；".join(text.zh for _, text in outcome), " ".join(text.en for _, text in outcome))
    )
