"""Pages of the yearly open plan: the public list with its progress, one task and its steps."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api import cases
from api.access import PUBLIC, access
from api.cases import NOTE, Action, Cell, FormField, Record, StepForm
from api.deps import ActorDep, HouseDep, ReadDep
from api.forms import Typed, tried
from api.house import House
from api.late import APIRouter
from api.lookups import org_names, public_title, source_departments
from api.pages.tickets import checked
from api.web import go
from auth.actor import Actor
from auth.casework.book import CaseStep
from auth.openplan import service
from auth.openplan.service import FINISH, PLAN, READ, TaskCreate, TaskFinish, TaskRead
from auth.openplan.workflow import STATE_NAMES, STEP_NAMES, State, Step
from auth.policy.filters.rules import LOCAL
from core.errors import AppError
from core.text import Text
from core.work import Work

router = APIRouter(prefix="/open-plan", include_in_schema=True, tags=["pages"])
_TITLE: Final = Text("年度开放计划", "Open plan")
_NAMES: Final = ("year", "title", "what", "department_id", "dataset_id", "due_on")
_STEPS: Final = {
    Step.PUBLISH: StepForm(), Step.DROP: StepForm([NOTE], danger=True), Step.REOPEN: StepForm([NOTE]),
    Step.FINISH: StepForm([FormField("dataset_id", Text("已开放的数据集", "Dataset that was opened"), hint=Text("资源代码；不填为计划中的数据集", "Resource code; the planned one when empty"))]),
}  # fmt: skip


def _badge(row: TaskRead) -> Cell:
    if row.is_late:
        return Cell(Text("已逾期", "Late"), badge="overdue")
    looks = {State.DONE: "done", State.DROPPED: "blocked"}
    return Cell(STATE_NAMES[row.state], badge=looks.get(row.state, "open"))


@router.get("", response_class=HTMLResponse, **access(PUBLIC))
def list_page(
    request: Request, work: ReadDep, actor: ActorDep, year: str = "", state: str = ""
) -> HTMLResponse:
    """The plan of a year and how far it is."""
    here = work.now.astimezone(LOCAL).year
    chosen = (
        int(year)
        if year.isascii() and year.isdecimal() and len(year) == 4 and 2000 <= int(year) <= 2100
        else here
    )
    found, total = service.tasks(
        work, actor, year=chosen, state=state if state in STATE_NAMES else "", offset=cases.offset(request), limit=cases.PER_PAGE
    )  # fmt: skip
    names = org_names(work)
    rows = [
        [Cell(row.title, f"/open-plan/{row.id}"), Cell(names.get(row.department_id, row.department_id)), _badge(row), Cell(row.dataset_id, mono=True), Cell(str(row.due_on))]
        for row in found
    ]  # fmt: skip
    years = [(str(each), str(each)) for each in sorted({*range(here - 3, here + 2), chosen}, reverse=True)]
    return cases.list_page(
        request, title=Text(f"{chosen} 年度开放计划", f"Open plan {chosen}"), rows=rows, total=total, progress=service.how_far(work, chosen),
        lead=Text("本年度计划开放的数据及完成情况；数据集在目录公开后方计为完成。", "What is to be opened this year and how far it is; a task is done once the catalogue shows its dataset to everybody."),
        heads=[Text("任务", "Task"), Text("责任部门", "Department"), Text("状态", "State"), Text("数据集", "Dataset"), Text("时限", "Milestone")],
        filters=[
            FormField("year", Text("年度", "Year"), "select", options=years, value=str(chosen)),
            FormField("state", Text("状态", "State"), "select", options=[("", Text("全部", "All")), *STATE_NAMES.items()], value=state),
        ],
        actions=[Action(Text("添加任务", "Add a task"), "/open-plan/new", primary=True)] if actor.may(PLAN) else [],
        empty=Text("本年度还没有公布计划", "No plan is published for this year"),
    )  # fmt: skip


@router.get("/new", response_class=HTMLResponse, **access(PLAN))
def new_page(request: Request, work: ReadDep) -> HTMLResponse:
    """The form to add a task."""
    return _form(request, work, {"year": str(work.now.astimezone(LOCAL).year)})


def _form(
    request: Request, work: Work, typed: dict[str, str], refusal: AppError | None = None
) -> HTMLResponse:
    return cases.form_page(
        request, title=Text("添加开放任务", "Add a task"), crumb=(_TITLE, "/open-plan"), action="/open-plan", typed=typed,
        lead=Text("先存为草稿，列入计划后公布。", "Saved as a draft; everybody sees it once it is published."),
        fields=[
            FormField("year", Text("年度", "Year"), required=True), FormField("due_on", Text("完成时限", "Milestone"), "date", True),
            FormField("title", Text("任务", "Task"), required=True, full=True), FormField("what", Text("内容", "What it is about"), "textarea", rows=3, full=True),
            FormField("department_id", Text("责任部门", "Department"), "select", True, source_departments(work)),
            FormField("dataset_id", Text("数据集（如已知）", "Dataset, if it is known")),
        ],
        submit=Text("存为草稿", "Save the draft"), refusal=refusal,
    )  # fmt: skip


@router.post("", response_class=HTMLResponse, **access(PLAN))
def enter(request: Request, house: HouseDep, actor: ActorDep, form: Typed) -> Response:
    """Add a task."""
    typed = cases.typed_of(form, _NAMES)
    made = tried(house, lambda work: service.enter(work, actor, checked(TaskCreate, typed)))
    if isinstance(made, AppError):
        with house.read() as work:
            return _form(request, work, typed, made)
    return go(f"/open-plan/{made.id}", Text("已存为草稿。", "Saved as a draft."))


@router.get("/{task_id}", response_class=HTMLResponse, **access(PUBLIC))
def show_page(request: Request, work: ReadDep, actor: ActorDep, task_id: str) -> HTMLResponse:
    """One task."""
    return _show(request, work, actor, task_id)


def _show(
    request: Request, work: Work, actor: Actor, task_id: str, refusal: AppError | None = None, typed: dict[str, Any] | None = None
) -> HTMLResponse:  # fmt: skip
    row = service.task(work, actor, task_id)
    place = f"/datasets/{row.dataset_id}" if row.state is State.DONE else ""
    record = Record(
        title=Text(row.title, row.title), lead=Text(f"{row.year} 年度开放计划", f"Open plan {row.year}"), crumb=_TITLE, base="/open-plan", id=row.id,
        version=row.version, badge=_badge(row), steps=_STEPS,
        facts=[
            (Text("内容", "What it is about"), Cell(row.what)), (Text("责任部门", "Department"), Cell(org_names(work).get(row.department_id, row.department_id))),
            (Text("数据集", "Dataset"), Cell(row.dataset_id, place)), (Text("完成时限", "Milestone"), Cell(str(row.due_on))),
        ],
    )  # fmt: skip
    events = service.BOOK.events(work, task_id) if actor.may(READ) else []
    return cases.record_page(
        request, work, record, service.commands(work, actor, task_id), events, STEP_NAMES, refusal=refusal, typed=typed
    )  # fmt: skip


def _plain(
    request: Request, house: House, actor: Actor, task_id: str, form: Mapping[str, Any], which: Step
) -> Response:
    typed = cases.typed_of(form, ("note",), which.value)
    body = CaseStep(version=cases.version_of(form), note=typed["note"][:2000])
    return cases.acted(
        house, lambda work: service.step(work, actor, task_id, which, body), f"/open-plan/{task_id}",
        lambda work, refused: _show(request, work, actor, task_id, refused, typed),
    )  # fmt: skip


@router.post("/{task_id}/publish", response_class=HTMLResponse, **access(PLAN))
def publish(request: Request, house: HouseDep, actor: ActorDep, task_id: str, form: Typed) -> Response:
    """Publish it in the plan."""
    return _plain(request, house, actor, task_id, form, Step.PUBLISH)


@router.post("/{task_id}/drop", response_class=HTMLResponse, **access(PLAN))
def drop(request: Request, house: HouseDep, actor: ActorDep, task_id: str, form: Typed) -> Response:
    """Drop it."""
    return _plain(request, house, actor, task_id, form, Step.DROP)


@router.post("/{task_id}/reopen", response_class=HTMLResponse, **access(PLAN))
def reopen(request: Request, house: HouseDep, actor: ActorDep, task_id: str, form: Typed) -> Response:
    """Take it up again."""
    return _plain(request, house, actor, task_id, form, Step.REOPEN)


@router.post("/{task_id}/finish", response_class=HTMLResponse, **access(FINISH))
def finish(request: Request, house: HouseDep, actor: ActorDep, task_id: str, form: Typed) -> Response:
    """Say that it is done."""
    typed = cases.typed_of(form, ("dataset_id",), Step.FINISH.value)
    given = {"dataset_id": typed["dataset_id"], "version": cases.version_of(form)}

    def act(work: Work) -> TaskRead:
        return service.finish(
            work, actor, task_id, checked(TaskFinish, given), public_title=partial(public_title, work)
        )

    return cases.acted(
        house, act, f"/open-plan/{task_id}", lambda work, refused: _show(request, work, actor, task_id, refused, typed)
    )  # fmt: skip
