"""Pages of erasing personal data: requests, asking, deciding."""

from __future__ import annotations

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
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.erasure import service
from auth.erasure.service import DECIDE, ErasureCreate, ErasureRead
from auth.erasure.workflow import STATE_NAMES, STEP_NAMES, State, Step
from core import bases
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/erasures", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("个人信息删除", "Erasure of personal data")
_NAMES: Final = ("username", "reason")
_STEPS: Final = {
    Step.ERASE: StepForm(
        (), Text("确定删除吗？姓名、用户名和联系方式将不可恢复，该人员不能再登录。", "Erase? Names, user names and contact data cannot be brought back, and the person can no longer sign in."), danger=True
    ),
    Step.REFUSE: StepForm([NOTE], danger=True),
    Step.WITHDRAW: StepForm(),
}  # fmt: skip
_LOOKS: Final = {State.ASKED: "open", State.ERASED: "done"}


def _badge(row: ErasureRead) -> Cell:
    return Cell(STATE_NAMES[row.state], badge=_LOOKS.get(row.state, "blocked"))


def _basis(whole: str) -> Text:
    return Text(bases.said(whole, "zh"), bases.said(whole, "en"))


def _name(row: ErasureRead) -> Text:
    return Text(row.name["zh"], row.name["en"])


@router.get("", response_class=HTMLResponse, **access("signed-in", personal=""))
def list_page(request: Request, work: ReadDep, actor: ActorDep, state: str = "") -> HTMLResponse:
    """Requests that the reader made or that concern him; watchers see all."""
    found, total = service.erasures(
        work, actor, state=state if state in STATE_NAMES else "", offset=cases.offset(request), limit=cases.PER_PAGE
    )  # fmt: skip
    rows = [
        [
            Cell(_name(row), f"/erasures/{row.id}"),
            Cell(row.username, mono=True),
            _badge(row),
            Cell(row.asked_by, mono=True),
            Cell(row.created_at),
        ]
        for row in found
    ]
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("本人或管理员提出，另一人办理；法律要求保存的，说明理由后不予删除。审计记录的证明不受影响。", "Asked for by the person or an administrator, decided by somebody else; what law keeps is refused with its reason. Proofs of the audit record stay sound."),
        heads=[Text("人员", "Person"), Text("用户名", "User name"), Text("状态", "State"), Text("提出人", "Asked by"), Text("提出时间", "Asked at")],
        filters=[FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state)],
        actions=[Action(Text("请求删除", "Ask for erasure"), "/erasures/new", primary=True)],
        empty=Text("没有删除请求", "No request"),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access("signed-in"))
def new_page(request: Request, actor: ActorDep) -> HTMLResponse:
    """The form to ask."""
    return _form(request, actor, {})


def _form(
    request: Request, actor: Actor, typed: dict[str, str], refusal: AppError | None = None
) -> HTMLResponse:
    other = FormField(
        "username", Text("用户名", "User name"), hint=Text("留空则为本人。", "Empty: your own data.")
    )
    return cases.form_page(
        request, title=Text("请求删除个人信息", "Ask for erasure"), crumb=(_TITLE, "/erasures"), action="/erasures", typed=typed,
        lead=Text("姓名、用户名和联系方式将从各处删除，账号停用；您办理过的事项保留，但不再显示姓名。", "Names, user names and contact data are taken out everywhere and the account is closed; what was decided stays, without the name."),
        fields=[*([other] if actor.may(DECIDE) else []), FormField("reason", Text("理由", "Reason"), full=True)],
        submit=Text("提出", "Ask"), refusal=refusal,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access("signed-in"))
def ask(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Ask for erasure."""
    typed = cases.typed_of(form, _NAMES)
    made = tried(house, lambda work: service.ask(work, actor, checked(ErasureCreate, dict(typed))))
    if isinstance(made, AppError):
        return _form(request, actor, typed, made)
    return go(f"/erasures/{made.id}", Text("已提出，待另一人办理。", "Asked; somebody else decides."))


@router.get("/{erasure_id}", response_class=HTMLResponse, **access("signed-in", personal=""))
def show_page(request: Request, work: ReadDep, actor: ActorDep, erasure_id: str) -> HTMLResponse:
    """One request with its steps."""
    return _show(request, work, actor, erasure_id)


def _show(
    request: Request, work: Work, actor: Actor, erasure_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row = service.erasure(work, actor, erasure_id)
    duties = (
        service.duties(work, service.BOOK.row(work, erasure_id, actor)) if row.state == State.ASKED else ()
    )
    named = service.mentioned(work, actor, service.BOOK.row(work, erasure_id, actor))
    changed = [(Text("已改处数", "Values erased"), Cell(row.changed))] if row.state == State.ERASED else []
    record = Record(
        title=_name(row), lead=Text(row.reason, row.reason), crumb=_TITLE, base="/erasures", id=row.id, version=row.version,
        badge=_badge(row), steps=_STEPS,
        facts=[
            (Text("用户名", "User name"), Cell(row.username, mono=True)), (Text("提出人", "Asked by"), Cell(row.asked_by, mono=True)),
            *changed, *([(Text("不予删除的依据", "Kept by"), Cell(", ".join(row.kept), mono=True))] if row.kept else []),
        ],
        sections=[
            Section(Text("法律要求保存", "Kept by law now"), [Text("理由", "Why"), Text("依据", "Basis")], [[Cell(each.text), Cell(_basis(each.basis))] for each in duties]),
            Section(
                Text("他人文字中提及（不改动）", "Written by others, in their own words (stays)"), [Text("位置", "Where"), Text("条数", "Rows")],
                [[Cell(where, mono=True), Cell(rows)] for where, rows in named],
                note=Text(
                    "他人写下的话属于其案卷，且可能指同名的人，系统不予改写；条数记入审计记录。如确需更正，请作者自行修改。",
                    "What others wrote belongs to their cases and may mean somebody of the same name, so it is not rewritten; the number goes on record. Where it must change, ask its author.",
                ),
            ),
            Section(Text("删除后仍保留", "What an erasure leaves"), [Text("理由", "Why"), Text("位置", "Where")], [[Cell(why), Cell(where, mono=True)] for where, why in service.stays()]),
        ],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, service.commands(work, actor, erasure_id), service.BOOK.events(work, erasure_id), STEP_NAMES,
        refusal=refusal, typed=typed,
    )  # fmt: skip


def _do(house: House, request: Request, actor: Actor, erasure_id: str, form: Typed, step: Step) -> Response:
    typed = cases.typed_of(form, ("note",), step.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return cases.acted(
        house, lambda work: service.act(work, actor, erasure_id, step, body), f"/erasures/{erasure_id}",
        lambda work, refusal: _show(request, work, actor, erasure_id, refusal, typed),
    )  # fmt: skip


@router.post("/{erasure_id}/erase", response_class=HTMLResponse, **access(DECIDE))
def erase(request: Request, house: HouseDep, actor: ActorDep, erasure_id: str, form: Typed) -> Response:
    """Erase."""
    return _do(house, request, actor, erasure_id, form, Step.ERASE)


@router.post("/{erasure_id}/refuse", response_class=HTMLResponse, **access(DECIDE))
def refuse_erasure(
    request: Request, house: HouseDep, actor: ActorDep, erasure_id: str, form: Typed
) -> Response:
    """Refuse."""
    return _do(house, request, actor, erasure_id, form, Step.REFUSE)


@router.post("/{erasure_id}/withdraw", response_class=HTMLResponse, **access("signed-in"))
def withdraw_erasure(
    request: Request, house: HouseDep, actor: ActorDep, erasure_id: str, form: Typed
) -> Response:
    """Withdraw."""
    return _do(house, request, actor, erasure_id, form, Step.WITHDRAW)
