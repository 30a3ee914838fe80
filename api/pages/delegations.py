"""Pages of leave cover: who stands in for whom and in which role, naming a deputy, agreeing and ending."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import NOTE, Action, Cell, FormField, Record, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import org_names
from api.pages.tickets import checked
from api.web import go
from auth.actor import PLATFORM, Actor
from auth.casework.book import CaseStep
from auth.delegations import service
from auth.delegations.service import ANSWER, NAME, READ, DelegationCreate, DelegationRead
from auth.delegations.workflow import STATE_NAMES, STEP_NAMES, State, Step
from auth.profile.now import limits_now
from auth.roles import ROLE_NAMES, Role
from core.errors import AppError
from core.text import Text, number_of
from core.work import Work

router = APIRouter(prefix="/delegations", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("审核审批代理", "Deputies")
_NAMES: Final = ("deputy", "role", "scope", "starts_on", "ends_on", "reason")
_STEPS: Final = {
    Step.ACCEPT: StepForm(),
    Step.DECLINE: StepForm([NOTE], danger=True),
    Step.END: StepForm((), Text("确定立即终止吗？代理人此后不能再代为办理。", "End it now? The deputy can act for nobody any more."), danger=True),
}  # fmt: skip
_GIVES: Final = {
    Role.APPROVER: Text("审批申请：决定、签字、反对、退回；不含撤销授权、批准延期及其他。", "Applications: decide, sign, object, return. Not revoking grants, extending times, or anything else."),
    Role.REVIEWER_BUSINESS: Text("申请：受理、审核、退回；不含签收、申请延期及其他。", "Applications: screen, review, return. Not signing for them, asking for more time, or anything else."),
    Role.REVIEWER_SECURITY: Text("申请：安全审核、退回；不含申请延期及其他。", "Applications: review for security, return. Not asking for more time, or anything else."),
}  # fmt: skip
_WHOLE: Final = Text("全部（与委托人相同）", "All, as the principal")


def _badge(row: DelegationRead) -> Cell:
    if row.counts_today:
        return Cell(Text("生效中", "In force"), badge="active")
    looks = {State.OFFERED: "open", State.AGREED: "done"}
    return Cell(STATE_NAMES[row.state], badge=looks.get(row.state, "blocked"))


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(request: Request, work: ReadDep, actor: ActorDep, state: str = "") -> HTMLResponse:
    """Delegations to which the reader is a party; watchers see all."""
    found, total = service.delegations(
        work, actor, state=state if state in STATE_NAMES else "", offset=cases.offset(request), limit=cases.PER_PAGE
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(f"{row.principal_name} → {row.deputy_name}", f"/delegations/{row.id}"), Cell(ROLE_NAMES[row.role]), Cell(_scope(row.scope, names)), _badge(row),
         Cell(str(row.starts_on)), Cell(str(row.ends_on))]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("审批人或审核人休假时由他人代为办理；两人在职责分离与法定人数上视为同一人。", "Who decides or reviews while somebody is away; for segregation and quorum the two count as one person."),
        heads=[Text("委托人 → 代理人", "Principal → deputy"), Text("角色", "Role"), Text("范围", "Scope"), Text("状态", "State"), Text("起", "From"), Text("止", "To")],
        filters=[FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state)],
        actions=[Action(Text("委托代理人", "Name a deputy"), "/delegations/new", primary=True)] if actor.may(NAME) else [],
        empty=Text("没有代理", "Nobody stands in for anybody"),
    )  # fmt: skip


def _scope(scope: str, names: dict[str, Text]) -> Text:
    return _WHOLE if scope == PLATFORM else names.get(scope, Text(scope, scope))


@router.get("/new", response_class=HTMLResponse, **access(NAME))
def new_page(request: Request, work: ReadDep, actor: ActorDep) -> HTMLResponse:
    """The form to name a deputy."""
    return _form(request, work, actor, {})


def _form(
    request: Request, work: Work, actor: Actor, typed: dict[str, str], refusal: AppError | None = None
) -> HTMLResponse:
    names = org_names(work)
    own, days = service.lendable_of(actor), limits_now(work)[service.MOST_DAYS]
    held = {scope for scopes in own.values() for scope in scopes}
    scopes = [PLATFORM, *sorted(names)] if PLATFORM in held else sorted(held)
    return cases.form_page(
        request, title=Text("委托代理人", "Name a deputy"), crumb=(_TITLE, "/delegations"), action="/delegations", typed=typed,
        lead=Text(f"最长 {days} 天；范围不得大于您自己在该角色上的范围，对方同意后生效，到期自动终止。您与代理人视为同一人：一人审核或签字后，另一人不得再办。", f"{number_of(days, 'days')} at most, no wider than your own scope; it counts once the other agrees and ends by itself. You and the deputy count as one person: where one reviewed or signed, the other cannot."),
        fields=[
            FormField("deputy", Text("代理人用户名", "User name of the deputy"), required=True),
            FormField("role", Text("代理的角色", "Role that is lent"), "select", True, options=[(role.value, ROLE_NAMES[role]) for role in own]),
            FormField("scope", Text("范围", "Scope"), "select", True, options=[(scope, _scope(scope, names)) for scope in scopes]),
            FormField("starts_on", Text("起", "First day"), "date", True),
            FormField("ends_on", Text("止（含）", "Last day, counted"), "date", True),
            FormField("reason", Text("事由", "Reason"), required=True, full=True),
        ],
        submit=Text("委托", "Name"), refusal=refusal,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(NAME))
def offer(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Name a deputy."""
    typed = cases.typed_of(form, _NAMES)
    made = tried(house, lambda work: service.offer(work, actor, checked(DelegationCreate, dict(typed))))
    if isinstance(made, AppError):
        with house.read() as work:
            return _form(request, work, actor, typed, made)
    return go(
        f"/delegations/{made.id}", Text("已委托，待对方同意。", "Named; it counts once the other agrees.")
    )


@router.get("/{delegation_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, delegation_id: str) -> HTMLResponse:
    """One delegation with its steps."""
    return _show(request, work, actor, delegation_id)


def _show(
    request: Request, work: Work, actor: Actor, delegation_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row = service.delegation(work, actor, delegation_id)
    title = f"{row.principal_name} → {row.deputy_name}"
    record = Record(
        title=Text(title, title), lead=Text(row.reason, row.reason), crumb=_TITLE, base="/delegations", id=row.id, version=row.version,
        badge=_badge(row), steps=_STEPS,
        facts=[
            (Text("委托人", "Principal"), Cell(row.principal_name)), (Text("代理人", "Deputy"), Cell(row.deputy_name)),
            (Text("角色", "Role"), Cell(ROLE_NAMES[row.role])), (Text("范围", "Scope"), Cell(_scope(row.scope, org_names(work)))), (Text("期间", "Days"), Cell(f"{row.starts_on} — {row.ends_on}")),
            (Text("今日有效", "Counts today"), Cell(Text("是", "yes") if row.counts_today else Text("否", "no"))),
            (Text("可代办", "What it gives"), Cell(_GIVES[row.role])),
        ],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, delegation_id), service.BOOK.events(work, delegation_id), STEP_NAMES,
        refusal=refusal, typed=typed,
    )  # fmt: skip


def _do(
    house: House, request: Request, actor: Actor, delegation_id: str, form: Typed, step: Step
) -> Response:
    typed = cases.typed_of(form, ("note",), step.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return cases.acted(
        house, lambda work: service.answer(work, actor, delegation_id, step, body), f"/delegations/{delegation_id}",
        lambda work, refusal: _show(request, work, actor, delegation_id, refusal, typed),
    )  # fmt: skip


@router.post("/{delegation_id}/accept", response_class=HTMLResponse, **access(ANSWER))
def accept(request: Request, house: HouseDep, actor: ActorDep, delegation_id: str, form: Typed) -> Response:
    """Agree to stand in."""
    return _do(house, request, actor, delegation_id, form, Step.ACCEPT)


@router.post("/{delegation_id}/decline", response_class=HTMLResponse, **access(ANSWER))
def decline(request: Request, house: HouseDep, actor: ActorDep, delegation_id: str, form: Typed) -> Response:
    """Decline."""
    return _do(house, request, actor, delegation_id, form, Step.DECLINE)


@router.post("/{delegation_id}/end", response_class=HTMLResponse, **access(ANSWER))
def end(request: Request, house: HouseDep, actor: ActorDep, delegation_id: str, form: Typed) -> Response:
    """End it at once."""
    return _do(house, request, actor, delegation_id, form, Step.END)
