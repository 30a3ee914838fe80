"""Pages of source consents: the list, entering one, checking it, and what stops when it is withdrawn."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import access
from api.cases import NOTE, Action, Cell, FormField, Record, Section, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import assets, org_names
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.consents import service
from auth.consents.service import CHECK, ENTER, READ, WITHDRAW, ConsentCreate, ConsentRead
from auth.consents.workflow import STATE_NAMES, STEP_NAMES, State, Step
from auth.grants.workflow import STATE_NAMES as GRANT_STATES
from auth.grants.workflow import State as GrantState
from auth.policy.limits import limits
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/consents", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("共享提供单位同意", "Source consents")
_ALL: Final = Text("全部", "All")
_NAMES: Final = (
    "dataset_id", "provider", "signatory", "consented_on", "starts_on", "ends_on", "columns", "scenario", "scope", "evidence_name", "evidence_sha256",
)  # fmt: skip
_STEPS: Final = {
    Step.CONFIRM: StepForm(),
    Step.REJECT: StepForm([NOTE], danger=True),
    Step.WITHDRAW: StepForm([NOTE], Text("确定撤回吗？下列授权即时停止使用。", "Withdraw it? The grants named below stop at once."), danger=True),
}  # fmt: skip


def _badge(row: ConsentRead) -> Cell:
    if row.state is State.CONFIRMED and not row.holds_today:
        return Cell(Text("不在同意期内", "Outside its period"), badge="blocked")
    looks = {State.CONFIRMED: "done", State.ENTERED: "open"}
    return Cell(STATE_NAMES[row.state], badge=looks.get(row.state, "blocked"))


@router.get("", response_class=HTMLResponse, **access(READ))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", dataset: str = ""
) -> HTMLResponse:
    """Consents in the reader's sight."""
    found, total = service.consents(
        work, actor, state=state if state in STATE_NAMES else "", dataset_id=dataset.strip()[:120],
        offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    rows = [
        [Cell(Text(row.title_zh, row.title_en), f"/consents/{row.id}"), Cell(row.dataset_id, mono=True), Cell(row.provider), _badge(row),
         Cell(str(row.starts_on)), Cell(str(row.ends_on))]
        for row in found
    ]  # fmt: skip
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("由其他部门或地区共享取得的数据，须有提供单位的同意方可纳入授权（R09）；撤回或到期即停止使用。", "Data that another department or region shared enter a grant only with its consent (R09); withdrawn or over, use stops."),
        heads=[Text("数据集", "Dataset"), Text("资源代码", "Code"), Text("提供单位", "Provider"), Text("状态", "State"), Text("起", "From"), Text("止", "To")],
        filters=[
            FormField("state", Text("状态", "State"), "select", options=[("", _ALL), *STATE_NAMES.items()], value=state),
            FormField("dataset", Text("资源代码", "Resource code"), "search", value=dataset),
        ],
        actions=[Action(Text("登记同意", "Enter a consent"), "/consents/new", primary=True)] if actor.may(ENTER) else [],
        empty=Text("还没有登记", "None is entered yet"),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(ENTER))
def new_page(request: Request, dataset: str = "") -> HTMLResponse:
    """The form to enter a consent."""
    return _form(request, {"dataset_id": dataset[:120]})


def _form(request: Request, typed: dict[str, str], refusal: AppError | None = None) -> HTMLResponse:
    day = Text("形式 2026-01-31", "as 2026-01-31")
    return cases.form_page(
        request, title=Text("登记提供单位的同意", "Enter a source consent"), crumb=(_TITLE, "/consents"), action="/consents", typed=typed,
        lead=Text("按书面同意填写；文件由部门保管，此处留存其 SHA-256。须由另一人核对后生效。", "As given on paper; the department keeps the document, its SHA-256 is kept here. It counts once another person has checked it."),
        fields=[
            FormField("dataset_id", Text("资源代码", "Resource code"), required=True),
            FormField("provider", Text("提供单位", "Who shared the data"), required=True),
            FormField("signatory", Text("签署人", "Signed by"), required=True),
            FormField("consented_on", Text("同意日期", "Day of the consent"), "date", True, hint=day),
            FormField("starts_on", Text("同意期起", "Holds from"), "date", True),
            FormField("ends_on", Text("同意期止（含）", "Holds until, counted"), "date", True),
            FormField("columns", Text("列（不填为全部）", "Columns (all when empty)"), hint=Text("列名，用空格或逗号分开", "Names, apart by spaces or commas")),
            FormField("scenario", Text("场景", "Scenario"), "select", options=[("", _ALL), *((code, each.name) for code, each in limits().scenarios.items())]),
            FormField("scope", Text("范围说明", "Extent in words"), "textarea", rows=2, full=True),
            FormField("evidence_name", Text("同意文件名称", "Name of the document"), required=True),
            FormField("evidence_sha256", Text("同意文件 SHA-256", "SHA-256 of the document"), required=True, hint=Text("64 位十六进制", "64 hex digits"), digest="one"),
        ],
        submit=Text("登记", "Enter"), refusal=refusal,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(ENTER))
def enter(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Enter a consent."""
    typed = cases.typed_of(form, _NAMES)
    given: dict[str, Any] = {name: typed[name] for name in _NAMES if name != "scenario"}
    given |= {
        "columns": cases.words_of(typed["columns"]) or None,
        "scenarios": [typed["scenario"]] if typed["scenario"] else None,
    }
    made = tried(
        house, lambda work: service.enter(work, actor, checked(ConsentCreate, given), assets=partial(assets, work))
    )  # fmt: skip
    if isinstance(made, AppError):
        return _form(request, typed, made)
    return go(
        f"/consents/{made.id}", Text("已登记，待另一人核对。", "Entered; another person must check it.")
    )


@router.get("/{consent_id}", response_class=HTMLResponse, **access(READ))
def show_page(request: Request, work: ReadDep, actor: ActorDep, consent_id: str) -> HTMLResponse:
    """One consent, and the grants that hang on it."""
    return _show(request, work, actor, consent_id)


def _show(
    request: Request, work: Work, actor: Actor, consent_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row, names = service.consent(work, actor, consent_id), org_names(work)
    scenarios = limits().scenarios
    held = "、".join(row.columns) if row.columns else _ALL
    uses = (
        Text(
            *(
                "、".join(getattr(scenarios[code].name, lang) for code in row.scenarios)
                for lang in ("zh", "en")
            )
        )
        if row.scenarios
        else _ALL
    )
    hanging = service.stops(work, actor, consent_id)
    record = Record(
        title=Text(row.title_zh, row.title_en), lead=Text(row.provider, row.provider), crumb=_TITLE, base="/consents", id=row.id,
        version=row.version, badge=_badge(row), steps=_STEPS,
        facts=[
            (Text("数据集", "Dataset"), Cell(row.dataset_id, f"/datasets/{row.dataset_id}")), (Text("提供单位", "Who shared the data"), Cell(row.provider)),
            (Text("签署人", "Signed by"), Cell(row.signatory)), (Text("同意日期", "Day of the consent"), Cell(str(row.consented_on))),
            (Text("同意期", "Period"), Cell(f"{row.starts_on} — {row.ends_on}")), (Text("列", "Columns"), Cell(held)), (Text("场景", "Scenarios"), Cell(uses)),
            (Text("范围说明", "Extent"), Cell(row.scope)), (Text("同意文件", "Document"), Cell(row.evidence_name)), (Text("文件 SHA-256", "SHA-256"), Cell(row.evidence_sha256, mono=True)),
            (Text("说明", "Note"), Cell(row.note)),
        ],
        sections=[
            Section(
                Text("撤回后停止的授权", "Grants that stop when it is withdrawn"), [Text("授权", "Grant"), Text("机构", "Organisation"), Text("状态", "State")],
                [[Cell(each.grant_id[:13], f"/grants/{each.grant_id}", mono=True), Cell(names.get(each.org_id, each.org_id)), Cell(GRANT_STATES[GrantState(each.state)])] for each in hanging],
                empty=Text("没有授权单独依赖该同意", "No grant hangs on it alone"),
            )
        ] if row.state is State.CONFIRMED else [],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, consent_id), service.BOOK.events(work, consent_id), STEP_NAMES,
        refusal=refusal, typed=typed,
    )  # fmt: skip


def _do(request: Request, house: House, actor: Actor, consent_id: str, form: Any, which: Step) -> Response:  # noqa: ANN401 - a form
    typed = cases.typed_of(form, ("note",), which.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])

    def act(work: Work) -> ConsentRead:
        if which is Step.WITHDRAW:
            return service.withdraw(work, actor, consent_id, body)
        return service.check(work, actor, consent_id, which, body)

    return cases.acted(
        house, act, f"/consents/{consent_id}", lambda work, refused: _show(request, work, actor, consent_id, refused, typed)
    )  # fmt: skip


@router.post("/{consent_id}/confirm", response_class=HTMLResponse, **access(CHECK))
def confirm(request: Request, house: HouseDep, actor: ActorDep, consent_id: str, form: Typed) -> Response:
    """Confirm it."""
    return _do(request, house, actor, consent_id, form, Step.CONFIRM)


@router.post("/{consent_id}/reject", response_class=HTMLResponse, **access(CHECK))
def reject(request: Request, house: HouseDep, actor: ActorDep, consent_id: str, form: Typed) -> Response:
    """Do not accept it."""
    return _do(request, house, actor, consent_id, form, Step.REJECT)


@router.post("/{consent_id}/withdraw", response_class=HTMLResponse, **access(WITHDRAW))
def withdraw(request: Request, house: HouseDep, actor: ActorDep, consent_id: str, form: Typed) -> Response:
    """Withdraw it."""
    return _do(request, house, actor, consent_id, form, Step.WITHDRAW)
