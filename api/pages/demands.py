"""Pages of the demand register: the public list, the form for a need, the bureau's and its departments' steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import PUBLIC, SIGNED_IN, access
from api.cases import NOTE, Action, Cell, FormField, Record, Section, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import org_names, public_title, source_departments
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep, Command
from auth.demands import service
from auth.demands.service import (
    ANSWER,
    HANDLE,
    DemandAnswer,
    DemandAssign,
    DemandCreate,
    DemandRead,
    DemandReply,
    Order,
)
from auth.demands.workflow import FINAL, OUTCOME_NAMES, STATE_NAMES, STEP_NAMES, State, Step
from core.errors import AppError, NotFound
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/demands", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("数据需求", "Data demands")
_NAMES: Final = ("title", "need", "purpose")
_SORTS: Final[Mapping[Order, Text]] = {
    "-created": Text("最新提出", "Newest"),
    "-votes": Text("附议最多", "Most wanted"),
    "due": Text("期限最近", "Due first"),
}
_PUBLIC: Final = [
    ("yes", Text("公开答复", "Everybody reads it")),
    ("no", Text("仅告知提出人", "Only whoever asked")),
]
_VOTE: Final = {"vote": Text("我也需要", "I need this too"), "unvote": Text("取消附议", "Take my vote back")}


def _steps(work: Work) -> dict[str, StepForm]:
    names = source_departments(work)
    return {
        Step.ACCEPT: StepForm(),
        Step.ASSIGN: StepForm([FormField("department_id", Text("承办部门", "Department"), "select", True, names)]),
        Step.HANDLE: StepForm([FormField("reply", Text("回复（仅平台可见）", "Reply (the bureau alone reads it)"), "textarea", True, rows=4, full=True)]),
        Step.RETURN: StepForm([NOTE]),
        Step.ANSWER: StepForm(
            [
                FormField("outcome", Text("结论", "Outcome"), "select", True, list(OUTCOME_NAMES.items())),
                FormField("is_public", Text("是否公开", "Who reads the answer"), "select", True, _PUBLIC),
                FormField("answer", Text("答复", "Answer"), "textarea", True, rows=4, full=True),
                FormField("dataset_ids", Text("对应的数据集", "Datasets"), hint=Text("资源代码，用空格或逗号分开", "Resource codes, apart by spaces or commas")),
            ]
        ),
        Step.DISMISS: StepForm([NOTE], Text("确定不予受理吗？该需求不会公示。", "Dismiss it? It will never be shown."), danger=True),
        "vote": StepForm(), "unvote": StepForm(),
    }  # fmt: skip


def _badge(row: DemandRead) -> Cell:
    if row.is_overdue:
        return Cell(Text("已逾期", "Overdue"), badge="overdue")
    looks = {State.ANSWERED: "done", State.DISMISSED: "blocked"}
    return Cell(STATE_NAMES[row.state], badge=looks.get(row.state, "open"))


@router.get("", response_class=HTMLResponse, **access(PUBLIC))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, state: str = "", q: str = "", sort: str = "-created", mine: str = ""
) -> HTMLResponse:  # fmt: skip
    """What others need, and what was answered."""
    order: Order = next((each for each in _SORTS if each == sort), "-created")
    found, total = service.demands(
        work, actor, state=state if state in STATE_NAMES else "", text=q.strip()[:100], mine=mine == "yes" and actor.is_signed_in,
        sort=order, offset=cases.offset(request), limit=cases.PER_PAGE,
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(row.title, f"/demands/{row.id}"), _badge(row), Cell(row.votes), Cell(names.get(row.department_id)),
         Cell(OUTCOME_NAMES[row.outcome] if row.outcome else None), Cell(row.created_at), Cell(str(row.due_on)), Cell(row.answered_at)]
        for row in found
    ]  # fmt: skip
    every = ("", Text("全部", "All"))
    own = [
        FormField(
            "mine",
            Text("谁提出", "Stated by"),
            "select",
            options=[every, ("yes", Text("我", "Me"))],
            value=mine,
        )
    ]
    return cases.list_page(
        request, title=_TITLE, rows=rows, total=total,
        lead=Text("目录里找不到需要的数据？登录后写下需求；受理后在此公示，分拨到部门并限期答复。", "Not in the catalogue? Sign in and state what you need; once accepted it is shown here, passed on to a department and answered in time."),
        heads=[Text("需求", "Need"), Text("状态", "State"), Text("附议", "Votes"), Text("承办部门", "Department"), Text("结论", "Outcome"), Text("提出", "Stated"), Text("答复期限", "Due"), Text("答复", "Answered")],
        filters=[
            FormField("q", Text("标题含", "Title holds"), "search", value=q),
            FormField("state", Text("状态", "State"), "select", options=[every, *STATE_NAMES.items()], value=state),
            FormField("sort", Text("排序", "Order"), "select", options=list(_SORTS.items()), value=order),
            *(own if actor.is_signed_in else []),
        ],
        actions=[Action(Text("提出需求", "State a need"), "/demands/new", primary=True)], empty=Text("还没有公示的需求", "No needs are shown yet"),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(SIGNED_IN))
def new_page(request: Request) -> HTMLResponse:
    """The form to state a need."""
    return _form(request, {})


def _form(request: Request, typed: dict[str, str], refusal: AppError | None = None) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("提出数据需求", "State a need for data"), crumb=(_TITLE, "/demands"), action="/demands", typed=typed,
        lead=Text("内容将公示：请勿填写姓名、电话等个人信息。谁提出的不公示。", "What you write will be public: no names, no phone numbers. Who asked is not shown."),
        fields=[
            FormField("title", Text("需要什么数据", "What data"), required=True, full=True),
            FormField("need", Text("内容、范围与更新频率", "Content, extent and how often"), "textarea", True, rows=5, full=True),
            FormField("purpose", Text("拟作何用", "What for"), "textarea", rows=2, full=True),
        ],
        submit=Text("提交", "Send"), refusal=refusal,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(SIGNED_IN))
def state_need(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """State a need."""
    typed = cases.typed_of(form, _NAMES)
    made = tried(house, lambda work: service.state_need(work, actor, checked(DemandCreate, typed)))
    if isinstance(made, AppError):
        return _form(request, typed, made)
    said = Text(f"已收到；受理后公示，{made.due_on} 前答复。", f"Received; shown once accepted, answered by {made.due_on}.")  # fmt: skip
    return go(f"/demands/{made.id}", said)


@router.get("/{demand_id}", response_class=HTMLResponse, **access(PUBLIC))
def show_page(request: Request, work: ReadDep, actor: ActorDep, demand_id: str) -> HTMLResponse:
    """One need and its answer."""
    return _show(request, work, actor, demand_id)


def _show(
    request: Request, work: Work, actor: Actor, demand_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row = service.demand(work, actor, demand_id)
    answered = OUTCOME_NAMES[row.outcome] if row.outcome else None
    hidden = (
        Text("仅告知提出人", "Told to whoever asked alone") if answered and not row.answer else row.answer
    )
    facts = [
        (Text("需求", "Need"), Cell(row.need)), (Text("用途", "What for"), Cell(row.purpose)), (Text("提出", "Stated"), Cell(row.created_at)),
        (Text("附议", "Votes"), Cell(row.votes)), (Text("承办部门", "Department"), Cell(org_names(work).get(row.department_id))),
        (Text("当前期限", "Next due"), Cell(str(row.next_due_on) if row.next_due_on else None)), (Text("答复期限", "Answer due"), Cell(str(row.due_on))),
        (Text("结论", "Outcome"), Cell(answered)), (Text("答复", "Answer"), Cell(hidden)), (Text("答复时间", "Answered"), Cell(row.answered_at)),
    ]  # fmt: skip
    if row.reply:
        facts.insert(-3, (Text("部门回复", "Reply of the department"), Cell(row.reply)))
    record = Record(
        title=Text(row.title, row.title), lead=answered or Text(f"{row.due_on} 前答复", f"To be answered by {row.due_on}"),
        crumb=_TITLE, base="/demands", id=row.id, version=row.version, badge=_badge(row), facts=facts, steps=_steps(work),
        sections=[Section(Text("对应的数据集", "Datasets"), [Text("名称", "Title"), Text("资源代码", "Code")], [_dataset(work, each) for each in row.dataset_ids])],
    )  # fmt: skip
    return cases.record_page(
        request, work, record, [*service.commands(work, actor, demand_id), *_votes(actor, row)],
        service.history(work, actor, demand_id), STEP_NAMES, refusal=refusal, typed=typed,
    )  # fmt: skip


def _votes(actor: Actor, row: DemandRead) -> list[Command]:
    """Voting stands among the steps: whoever has signed in and did not ask may."""
    if not actor.is_signed_in or row.is_mine or row.state in FINAL | {State.RECEIVED}:
        return []
    which = "unvote" if row.is_voted else "vote"
    return [Command(which, _VOTE[which], ())]


def _dataset(work: Work, dataset_id: str) -> list[Cell]:
    try:
        return [Cell(public_title(work, dataset_id), f"/datasets/{dataset_id}"), Cell(dataset_id, mono=True)]
    except NotFound:
        return [Cell(Text("已撤回", "Withdrawn")), Cell(dataset_id, mono=True)]


def _do(
    request: Request, house: House, actor: Actor, demand_id: str, typed: dict[str, Any], act: Callable[[Work], DemandRead]
) -> Response:  # fmt: skip
    return cases.acted(
        house, act, f"/demands/{demand_id}", lambda work, refused: _show(request, work, actor, demand_id, refused, typed)
    )  # fmt: skip


def _plain(
    request: Request, house: House, actor: Actor, demand_id: str, form: Mapping[str, Any], which: Step
) -> Response:
    typed = cases.typed_of(form, ("note",), which.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return _do(
        request,
        house,
        actor,
        demand_id,
        typed,
        lambda work: service.step(work, actor, demand_id, which, body),
    )


@router.post("/{demand_id}/accept", response_class=HTMLResponse, **access(ANSWER))
def accept(request: Request, house: HouseDep, actor: ActorDep, demand_id: str, form: Typed) -> Response:
    """Accept it for the public list."""
    return _plain(request, house, actor, demand_id, form, Step.ACCEPT)


@router.post("/{demand_id}/dismiss", response_class=HTMLResponse, **access(ANSWER))
def dismiss(request: Request, house: HouseDep, actor: ActorDep, demand_id: str, form: Typed) -> Response:
    """Dismiss it with a reason."""
    return _plain(request, house, actor, demand_id, form, Step.DISMISS)


@router.post("/{demand_id}/return", response_class=HTMLResponse, **access(HANDLE))
def send_back(request: Request, house: HouseDep, actor: ActorDep, demand_id: str, form: Typed) -> Response:
    """The department sends it back."""
    return _plain(request, house, actor, demand_id, form, Step.RETURN)


@router.post("/{demand_id}/assign", response_class=HTMLResponse, **access(ANSWER))
def assign(request: Request, house: HouseDep, actor: ActorDep, demand_id: str, form: Typed) -> Response:
    """Pass it on to a department."""
    typed = cases.typed_of(form, ("department_id",), Step.ASSIGN.value)
    given = {"department_id": typed["department_id"], "version": cases.version_of(form)}
    return _do(request, house, actor, demand_id, typed, lambda work: service.assign(work, actor, demand_id, checked(DemandAssign, given)))  # fmt: skip


@router.post("/{demand_id}/handle", response_class=HTMLResponse, **access(HANDLE))
def handle(request: Request, house: HouseDep, actor: ActorDep, demand_id: str, form: Typed) -> Response:
    """The department replies."""
    typed = cases.typed_of(form, ("reply",), Step.HANDLE.value)
    given = {"reply": typed["reply"], "version": cases.version_of(form)}
    return _do(request, house, actor, demand_id, typed, lambda work: service.handle(work, actor, demand_id, checked(DemandReply, given)))  # fmt: skip


@router.post("/{demand_id}/answer", response_class=HTMLResponse, **access(ANSWER))
def answer(request: Request, house: HouseDep, actor: ActorDep, demand_id: str, form: Typed) -> Response:
    """Answer it."""
    typed = cases.typed_of(form, ("outcome", "answer", "dataset_ids", "is_public"), Step.ANSWER.value)
    given = {
        "outcome": typed["outcome"], "answer": typed["answer"], "is_public": typed["is_public"] != "no", "version": cases.version_of(form),
        "dataset_ids": cases.words_of(typed["dataset_ids"]),
    }  # fmt: skip

    def act(work: Work) -> DemandRead:
        body = checked(DemandAnswer, given)
        return service.answer(work, actor, demand_id, body, public_title=partial(public_title, work))

    return _do(request, house, actor, demand_id, typed, act)


@router.post("/{demand_id}/vote", response_class=HTMLResponse, **access(SIGNED_IN))
def vote(request: Request, house: HouseDep, actor: ActorDep, demand_id: str) -> Response:
    """I need this too."""
    return _do(
        request, house, actor, demand_id, {}, lambda work: service.vote(work, actor, demand_id, wanted=True)
    )


@router.post("/{demand_id}/unvote", response_class=HTMLResponse, **access(SIGNED_IN))
def unvote(request: Request, house: HouseDep, actor: ActorDep, demand_id: str) -> Response:
    """Take the vote back."""
    return _do(
        request, house, actor, demand_id, {}, lambda work: service.vote(work, actor, demand_id, wanted=False)
    )
