"""Pages of plans and agreements: lists, forms, approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.agreement_forms import (
    MEETING,
    body_of,
    fields,
    meeting_of,
    meeting_shown,
    rows_for,
    typed_of,
    untyped,
)
from api.cases import NOTE, Action, Cell, FormField, Record, Section, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.late import APIRouter
from api.lookups import org_names
from api.money import yuan_or_nothing
from api.pages.tickets import checked
from api.web import go, page
from auth.actor import Actor
from auth.agreements import at_odds, plan_workflow, rules, service
from auth.agreements.books import AGREEMENTS, PLANS
from auth.agreements.model import (
    MODE_NAMES,
    PARTY_NAMES,
    PLAN_SECTIONS,
    SELECTION_NAMES,
    PlanBody,
)
from auth.agreements.plan_workflow import Step as PlanStep
from auth.agreements.service import AgreementBrief, PlanBrief, PlanRead
from auth.agreements.workflow import STATE_NAMES, STEP_NAMES, State, Step
from auth.casework.book import CaseStep
from auth.policy.limits import Coded, limits
from auth.profile.now import profile
from auth.stored import UNREADABLE
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(include_in_schema=True, tags=["pages"])
_READ, _DRAFT, _APPROVE = (f"auth:agreement:{word}" for word in ("read", "draft", "approve"))
_TITLE: Final = Text("授权运营协议", "Agreements")
_PLANS: Final = Text("实施方案", "Implementation plans")
_TONES: Final = {
    State.DRAFT: "draft",
    State.IN_APPROVAL: "in_review",
    State.ACTIVE: "active",
    State.ENDED: "expired",
    State.TERMINATED: "revoked",
}
_PLAN_TONES: Final = {
    "DRAFT": "draft",
    "IN_APPROVAL": "in_review",
    "APPROVED": "approved",
    "SUPERSEDED": "superseded",
}


def _state(row: AgreementBrief) -> Cell:
    return Cell(STATE_NAMES[row.state], badge=_TONES[row.state])


@router.get("/agreements", response_class=HTMLResponse, **access(_READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", operator: str = ""
) -> HTMLResponse:
    """Agreements in the reader's sight."""
    found, total = service.agreements(
        work, actor, state=state if state in STATE_NAMES else "", operator=operator.strip()[:60], offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(row.title, f"/agreements/{row.id}"), Cell(names.get(row.operator_id, row.operator_id)), Cell(MODE_NAMES[row.body.mode] if row.body else UNREADABLE),
         Cell(str(row.starts_on)), Cell(str(row.ends_on)), _state(row)]
        for row in found
    ]  # fmt: skip
    actions = [Action(_PLANS, "/plans")] if actor.may(_DRAFT) else []
    count = len(at_odds.found(work, actor))
    odds = Action(
        Text(f"与控制关系不符的协议：{count}", f"At odds with who controls whom: {count}"),
        "/agreements/at-odds",
    )
    actions.append(odds)
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("实施机构与运营机构签订的第一级授权；现行政策要求时，每项场景授权都须在协议范围和期限之内。", "The first tier, between the implementing body and an operator; where the policy in force asks for it, every grant lies within one."),
        heads=[Text("协议", "Agreement"), Text("运营机构", "Operator"), Text("授权模式", "Mode"), Text("起", "From"), Text("止", "Last day"), Text("状态", "State")],
        filters=[
            FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state),
            FormField("operator", Text("运营机构标识", "Operator id"), "search", value=operator),
        ],
        actions=[*actions, Action(Text("草拟协议", "Draft one"), "/agreements/new", True)] if actor.may(_DRAFT) else actions,
        empty=Text("没有协议", "No agreements"),
    )  # fmt: skip


@router.get("/agreements/at-odds", response_class=HTMLResponse, **access(_READ))
def at_odds_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """Agreements that are at odds with who controls whom now, with what hangs on them."""
    return page(
        request,
        "agreement_at_odds.html",
        found=at_odds.found(work, actor),
        orgs=org_names(work),
        states=STATE_NAMES,
    )


def _form(
    request: Request,
    work: Work,
    actor: Actor,
    action: str,
    typed: dict[str, Any],
    refusal: AppError | None = None,
) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("草拟协议", "Draft an agreement"), crumb=(_TITLE, "/agreements"), action=action, fields=fields(work, actor, rows_for(typed)), typed=typed,
        lead=Text("可先保存不完整的草案；提交时逐项检查必备内容。", "A draft may be incomplete; on submitting every required part is checked."), submit=STEP_NAMES[Step.SAVE], refusal=refusal,
        version=typed.get("version"),
    )  # fmt: skip


@router.get("/agreements/new", response_class=HTMLResponse, **access(_DRAFT))
def new_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """The form of a new agreement."""
    return _form(request, work, actor, "/agreements", {})


@router.post("/agreements", response_class=HTMLResponse, **access(_DRAFT))
def draft(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Save a new draft."""
    typed = typed_of(form)
    made = tried(house, lambda work: service.draft(work, actor, body_of(typed)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _form(request, work, actor, "/agreements", typed, made)
    return go(f"/agreements/{made.id}", Text("草案已保存。", "The draft is saved."))


@router.get("/agreements/{agreement_id}/edit", response_class=HTMLResponse, **access(_DRAFT))
def edit_page(request: Request, work: ReadDep, actor: ActorDep, agreement_id: str) -> HTMLResponse:
    """The form of a draft."""
    found = service.agreement(work, actor, agreement_id)
    typed = untyped(found.body) | {"version": found.version}
    return _form(request, work, actor, f"/agreements/{agreement_id}/save", typed)


@router.post("/agreements/{agreement_id}/save", response_class=HTMLResponse, **access(_DRAFT))
def save(request: Request, house: HouseDep, actor: ActorDep, agreement_id: str, form: Typed) -> Response:
    """Replace a draft; refused when somebody changed it since the form was opened."""
    typed = {"version": ""} | typed_of(form)
    made = tried(
        house,
        lambda work: service.save(work, actor, agreement_id, body_of(typed), cases.version_of(form)),
    )
    if isinstance(made, AppError):
        with house.read() as work:
            service.agreement(work, actor, agreement_id)
            return _form(request, work, actor, f"/agreements/{agreement_id}/save", typed, made)
    return go(f"/agreements/{agreement_id}", Text("草案已保存。", "The draft is saved."))


@router.get("/agreements/{agreement_id}", response_class=HTMLResponse, **access(_READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, agreement_id: str) -> HTMLResponse:
    """One agreement: what it says, what is missing, its history."""
    return _show(request, work, actor, agreement_id)


def _names_of(codes: Sequence[str], of: Mapping[str, Coded]) -> Text | None:
    names = [of[code].name for code in codes if code in of]
    if not names:
        return None
    return Text("、".join(name.zh for name in names), ", ".join(name.en for name in names))


def _show(
    request: Request,
    work: Work,
    actor: Actor,
    agreement_id: str,
    refusal: AppError | None = None,
    typed: dict[str, Any] | None = None,
) -> HTMLResponse:
    row, names, now, known = (
        service.agreement(work, actor, agreement_id),
        org_names(work),
        profile(work),
        limits(),
    )
    body = row.body
    missing = {name.zh for name in rules.missing_clauses(body, now)}
    clauses = [
        [
            Cell(Text(c.zh, c.en)),
            Cell(Text("缺", "missing"), badge="bad")
            if c.zh in missing
            else Cell(Text("有", "there"), badge="good"),
            Cell(body.clauses.get(c.key, "")),
        ]
        for c in now.clauses
    ]
    done = len(now.clauses) - len(missing)
    record = Record(
        title=Text(row.title, row.title), lead=names.get(row.operator_id, Text(row.operator_id, row.operator_id)), crumb=_TITLE, base="/agreements", id=row.id,
        version=row.version, badge=_state(row), actions=[Action(Text("修改", "Edit"), f"/agreements/{row.id}/edit")] if row.state is State.DRAFT and actor.may(_DRAFT) else [],
        facts=[
            (Text("今日有效", "In force today"), Cell(Text("是", "yes") if row.is_in_force else Text("否", "no"))), (Text("授权模式", "Mode"), Cell(MODE_NAMES[body.mode])),
            (Text("场景", "Scenarios"), Cell(_names_of(body.scenarios, known.scenarios))), (Text("用途", "Purposes"), Cell(_names_of(body.purposes, known.purposes))),
            (Text("首日", "First day"), Cell(str(row.starts_on))), (Text("末日", "Last day"), Cell(str(row.ends_on))),
            (Text("实施方案", "Plan"), Cell(row.plan_id, f"/plans/{row.plan_id}" if row.plan_id and actor.may(_DRAFT) else "", mono=True)), (Text("产品和服务", "Products"), Cell(body.products)),
            (Text("选择方式", "Selection"), Cell(SELECTION_NAMES[body.selection] if body.selection else None)), (Text("选择证据", "Evidence"), Cell(body.selection_sha256, mono=True)),
            (Text("集体决策", "Collective decision"), Cell(f"{body.meeting.name} {body.meeting.held_on or ''}".strip())), (Text("会议纪要", "Minutes"), Cell(body.meeting.minutes_sha256, mono=True)),
            (Text("最高限价（元）", "Price cap (yuan)"), Cell(yuan_or_nothing(body.price_cap_fen))), (Text("价格（元）", "Price (yuan)"), Cell(yuan_or_nothing(body.price_fen))),
        ],
        sections=[
            Section(Text("各方", "Parties"), [Text("机构", "Organisation"), Text("角色", "Role")], [[Cell(names.get(p.org_id, p.org_id)), Cell(PARTY_NAMES[p.role])] for p in body.parties]),
            Section(Text("必备条款", "Required clauses"), [Text("条款", "Clause"), Text("情况", "Standing"), Text("内容", "Text")], clauses, note=Text(f"完整度 {done} / {len(now.clauses)}", f"{done} of {len(now.clauses)} there"), empty=Text("现行政策不要求条款", "The policy in force asks for none")),
        ],
        steps={
            Step.SUBMIT: StepForm(), Step.RETURN: StepForm([NOTE]), Step.ACTIVATE: StepForm(confirm=Text("确定批准生效吗？", "Put the agreement in force?")),
            Step.TERMINATE: StepForm([NOTE], Text("确定终止协议吗？其下不再批准新的授权。", "Terminate? No new grant is allowed under it."), True),
        },
    )  # fmt: skip
    return cases.record_page(
        request,
        work,
        record,
        service.commands(work, actor, agreement_id),
        AGREEMENTS.events(work, agreement_id),
        STEP_NAMES,
        refusal=refusal,
        typed=typed,
    )


def _step(
    request: Request, house: HouseDep, actor: Actor, agreement_id: str, form: Typed, step: Step
) -> Response:
    note = str(form.get("note", "")).strip()[:2000]
    ask = CaseStep(version=cases.version_of(form), note=note)
    made = tried(house, lambda work: service.step(work, actor, agreement_id, step, ask))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show(request, work, actor, agreement_id, made, {"step": step.value, "note": note})
    return go(f"/agreements/{agreement_id}", Text("已办理。", "Done."))


@router.post("/agreements/{agreement_id}/submit", response_class=HTMLResponse, **access(_DRAFT))
def submit(request: Request, house: HouseDep, actor: ActorDep, agreement_id: str, form: Typed) -> Response:
    """Submit for approval."""
    return _step(request, house, actor, agreement_id, form, Step.SUBMIT)


@router.post("/agreements/{agreement_id}/return", response_class=HTMLResponse, **access(_APPROVE))
def send_back(request: Request, house: HouseDep, actor: ActorDep, agreement_id: str, form: Typed) -> Response:
    """Return to the draft."""
    return _step(request, house, actor, agreement_id, form, Step.RETURN)


@router.post("/agreements/{agreement_id}/activate", response_class=HTMLResponse, **access(_APPROVE))
def activate(request: Request, house: HouseDep, actor: ActorDep, agreement_id: str, form: Typed) -> Response:
    """Put in force."""
    return _step(request, house, actor, agreement_id, form, Step.ACTIVATE)


@router.post("/agreements/{agreement_id}/terminate", response_class=HTMLResponse, **access(_APPROVE))
def terminate(request: Request, house: HouseDep, actor: ActorDep, agreement_id: str, form: Typed) -> Response:
    """End before its time."""
    return _step(request, house, actor, agreement_id, form, Step.TERMINATE)


PLAN_FIELDS: Final = [
    FormField("title", Text("方案名称", "Title"), required=True, full=True),
    *(FormField(f"section-{key}", name, "textarea", rows=2, full=True) for key, name in PLAN_SECTIONS.items()), *MEETING,
]  # fmt: skip


def _plan_state(row: PlanBrief) -> Cell:
    return Cell(plan_workflow.STATE_NAMES[row.state], badge=_PLAN_TONES[row.state])


@router.get("/plans", response_class=HTMLResponse, **access(_DRAFT))
def list_plans(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """Every version of every plan."""
    found, total = service.plans(work, actor, offset=cases.offset(request), limit=cases.PER_PAGE)
    rows = [
        [Cell(row.title, f"/plans/{row.id}"), Cell(row.number), _plan_state(row), Cell(row.created_at)]
        for row in found
    ]
    return cases.list_page(
        request, title=_PLANS, rows=rows, total=total, lead=Text("协议须依据已批准的方案版本。", "An agreement needs an approved version of a plan."),
        heads=[Text("方案", "Plan"), Text("版本", "Version"), Text("状态", "State"), Text("草拟时间", "Drafted")],
        actions=[Action(Text("草拟方案", "Draft one"), "/plans/new", True)], empty=Text("没有方案", "No plans"),
    )  # fmt: skip


_PLAN_LEAD: Final = Text(
    "提交时须各章齐全并有集体决策记录。",
    "On submitting every chapter and the collective decision must be there.",
)


def _plan_form(
    request: Request, action: str, typed: dict[str, Any], refusal: AppError | None = None
) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("草拟方案", "Draft a plan"), crumb=(_PLANS, "/plans"), action=action, fields=PLAN_FIELDS, typed=typed,
        lead=_PLAN_LEAD, submit=STEP_NAMES[Step.SAVE], refusal=refusal,
    )  # fmt: skip


def _plan_edit(
    request: Request, row: PlanRead, typed: dict[str, Any], refusal: AppError | None = None
) -> HTMLResponse:
    """The form of a draft; chapters that have no name here (entered over HTTP) are shown by their key, so that saving keeps them."""
    others = [
        FormField(f"section-{key}", Text(key, key), "textarea", rows=2, full=True)
        for key in row.body.sections
        if key not in PLAN_SECTIONS
    ]
    return cases.form_page(
        request, title=Text("修改方案", "Edit the plan"), crumb=(Text(row.title, row.title), f"/plans/{row.id}"), action=f"/plans/{row.id}/save",
        fields=[*PLAN_FIELDS, *others], typed=typed, lead=_PLAN_LEAD, submit=STEP_NAMES[Step.SAVE], refusal=refusal, version=typed["version"],
    )  # fmt: skip


def _plan_typed(row: PlanRead) -> dict[str, Any]:
    """What the form shows of a stored plan."""
    return {"title": row.title} | {f"section-{key}": text for key, text in row.body.sections.items()}


def _plan_body(typed: dict[str, Any]) -> PlanBody:
    sections = {
        name.removeprefix("section-"): text
        for name, text in typed.items()
        if name.startswith("section-") and text
    }
    return checked(
        PlanBody, {"title": typed.get("title", ""), "sections": sections, "meeting": meeting_of(typed)}
    )


@router.get("/plans/new", response_class=HTMLResponse, **access(_DRAFT))
def new_plan(request: Request, work: ReadDep, actor: ActorDep, of: str = "") -> HTMLResponse:
    """The form of a new plan, or of a new version (`of`)."""
    if not of:
        return _plan_form(request, "/plans", {})
    old = service.plan(work, actor, of)
    return _plan_form(request, f"/plans?series={old.series}", _plan_typed(old))


@router.post("/plans", response_class=HTMLResponse, **access(_DRAFT))
def draft_plan(request: Request, house: HouseDep, actor: ActorDep, form: Typed, series: str = "") -> Response:
    """Save a new draft."""
    typed = typed_of(form)
    made = tried(house, lambda work: service.draft_plan(work, actor, _plan_body(typed), series=series))
    if isinstance(made, AppError):
        return _plan_form(request, f"/plans?series={series}" if series else "/plans", typed, made)
    return go(f"/plans/{made.id}", Text("草案已保存。", "The draft is saved."))


@router.get("/plans/{plan_id}/edit", response_class=HTMLResponse, **access(_DRAFT))
def edit_plan(request: Request, work: ReadDep, actor: ActorDep, plan_id: str) -> HTMLResponse:
    """The form of a draft, with its chapters and its meeting. 409 where the plan is no draft."""
    row = service.plan_to_save(work, actor, plan_id)
    typed = _plan_typed(row) | meeting_shown(row.body.meeting) | {"version": row.version}
    return _plan_edit(request, row, typed)


@router.post("/plans/{plan_id}/save", response_class=HTMLResponse, **access(_DRAFT))
def save_plan(request: Request, house: HouseDep, actor: ActorDep, plan_id: str, form: Typed) -> Response:
    """Replace a draft; refused when somebody changed it since the form was opened."""
    typed = {"version": ""} | typed_of(form)
    made = tried(
        house,
        lambda work: service.save_plan(work, actor, plan_id, _plan_body(typed), cases.version_of(form)),
    )
    if isinstance(made, AppError):
        with house.read() as work:
            return _plan_edit(request, service.plan(work, actor, plan_id), typed, made)
    return go(f"/plans/{plan_id}", Text("草案已保存。", "The draft is saved."))


@router.get("/plans/{plan_id}", response_class=HTMLResponse, **access(_DRAFT))
def show_plan(request: Request, work: ReadDep, actor: ActorDep, plan_id: str) -> HTMLResponse:
    """One version of a plan."""
    return _show_plan(request, work, actor, plan_id)


def _show_plan(
    request: Request,
    work: Work,
    actor: Actor,
    plan_id: str,
    refusal: AppError | None = None,
    typed: dict[str, Any] | None = None,
) -> HTMLResponse:
    row = service.plan(work, actor, plan_id)
    meeting, commands = row.body.meeting, service.plan_commands(work, actor, plan_id)
    may_save = any(each.step == PlanStep.SAVE for each in commands)
    edit = [Action(Text("修改", "Edit"), f"/plans/{row.id}/edit")] if may_save else []
    record = Record(
        title=Text(row.title, row.title), lead=Text(f"第 {row.number} 版", f"Version {row.number}"), crumb=_PLANS, base="/plans", id=row.id, version=row.version, badge=_plan_state(row),
        actions=[*edit, Action(Text("起草新版", "New version"), f"/plans/new?of={row.id}")],
        facts=[*((name, Cell(row.body.sections.get(key, ""))) for key, name in PLAN_SECTIONS.items()), (Text("集体决策", "Collective decision"), Cell(f"{meeting.name} {meeting.held_on or ''}".strip())), (Text("会议纪要", "Minutes"), Cell(meeting.minutes_sha256, mono=True))],
        steps={PlanStep.SUBMIT: StepForm(), PlanStep.RETURN: StepForm([NOTE]), PlanStep.APPROVE: StepForm()},
    )  # fmt: skip
    return cases.record_page(
        request,
        work,
        record,
        commands,
        PLANS.events(work, plan_id),
        plan_workflow.STEP_NAMES,
        refusal=refusal,
        typed=typed,
    )


def _plan_step(
    request: Request, house: HouseDep, actor: Actor, plan_id: str, form: Typed, step: PlanStep
) -> Response:
    note = str(form.get("note", "")).strip()[:2000]
    ask = CaseStep(version=cases.version_of(form), note=note)
    made = tried(house, lambda work: service.step_plan(work, actor, plan_id, step, ask))
    if isinstance(made, AppError):
        with house.read() as work:
            return _show_plan(request, work, actor, plan_id, made, {"step": step.value, "note": note})
    return go(f"/plans/{plan_id}", Text("已办理。", "Done."))


@router.post("/plans/{plan_id}/submit", response_class=HTMLResponse, **access(_DRAFT))
def submit_plan(request: Request, house: HouseDep, actor: ActorDep, plan_id: str, form: Typed) -> Response:
    """Submit for approval."""
    return _plan_step(request, house, actor, plan_id, form, PlanStep.SUBMIT)


@router.post("/plans/{plan_id}/return", response_class=HTMLResponse, **access(_APPROVE))
def return_plan(request: Request, house: HouseDep, actor: ActorDep, plan_id: str, form: Typed) -> Response:
    """Return to the draft."""
    return _plan_step(request, house, actor, plan_id, form, PlanStep.RETURN)


@router.post("/plans/{plan_id}/approve", response_class=HTMLResponse, **access(_APPROVE))
def approve_plan(request: Request, house: HouseDep, actor: ActorDep, plan_id: str, form: Typed) -> Response:
    """Approve this version."""
    return _plan_step(request, house, actor, plan_id, form, PlanStep.APPROVE)
