"""Planning what is opened in a year, publishing the plan, and saying what is done: only what everybody can find counts as done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth.actor import Actor
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.identity import organisations
from auth.identity.tables import OrgKind
from auth.openplan.tables import OpenTaskRow
from auth.openplan.workflow import FINAL, MACHINE, PUBLIC, State, Step, progress
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Prose
from auth.scope import roles_towards, sight
from core.errors import InputRefused, NotFound
from core.text import Text
from core.work import Work

READ: Final = "auth:openplan:read"
PLAN: Final = "auth:openplan:plan"
FINISH: Final = "auth:openplan:finish"
TitleOf = Callable[[str], Text]


class TaskCreate(SQLModel):
    """A task of the plan of a year."""

    model_config = {"extra": "forbid"}
    year: int = Field(ge=2000, le=2100)
    title: Prose = Field(min_length=4, max_length=200)
    what: Prose = Field(default="", max_length=2000)
    department_id: Prose = Field(min_length=1, max_length=60)
    dataset_id: Prose = Field(default="", max_length=120)
    due_on: date


class TaskFinish(CaseStep):
    """The dataset that was opened; the one planned when left out."""

    dataset_id: Prose = Field(default="", max_length=120)


class TaskRead(SQLModel):
    """A task as a reader sees it; `is_late` is computed for the day of reading."""

    id: str
    state: State
    version: int
    year: int
    title: str
    what: str
    department_id: str
    dataset_id: str
    due_on: date
    is_late: bool
    created_at: datetime


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    if actor.via == "system" or seen.everything:
        return true()
    return or_(col(OpenTaskRow.state).in_(PUBLIC), col(OpenTaskRow.department_id).in_(seen.departments))


BOOK: Final = Book(
    kind="open_task", table=OpenTaskRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    roles=lambda actor, row: roles_towards(actor, org_id="", departments=frozenset({row.department_id})),
    kinds={
        "open": "open_task.entered", Step.PUBLISH: "open_task.published", Step.FINISH: "open_task.done", Step.REOPEN: "open_task.reopened",
        Step.DROP: "open_task.dropped",
    },
)  # fmt: skip


def enter(work: Work, actor: Actor, body: TaskCreate) -> TaskRead:
    """Enter a task as a draft."""
    known = {org.id for org in organisations.organisations(work) if org.kind == OrgKind.SOURCE_DEPARTMENT}
    if body.department_id not in known:
        raise InputRefused(
            Text("没有这个数源部门。", "There is no such source department."), field="department_id"
        )
    if body.due_on.year != body.year:
        raise InputRefused(
            Text("完成时限须在计划年度内。", "The milestone lies within the plan's year."), field="due_on"
        )
    row = OpenTaskRow(**made_by(work, actor), state=State.DRAFT, **body.model_dump())
    return read(work, BOOK.open(work, actor, row, {"year": row.year, "due_on": str(row.due_on)}))


def step(work: Work, actor: Actor, task_id: str, which: Step, body: CaseStep) -> TaskRead:
    """Publish, take up again, or drop; the last two with a reason."""
    row = BOOK.row(work, task_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, which)
    if which is not Step.PUBLISH:
        need_reason(body.note)
    return read(work, BOOK.move(work, actor, row, which, body.note))


def finish(work: Work, actor: Actor, task_id: str, body: TaskFinish, *, public_title: TitleOf) -> TaskRead:
    """Say that it is done, naming a dataset that everybody finds in the catalogue."""
    row = BOOK.row(work, task_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, Step.FINISH)
    named = body.dataset_id.strip() or row.dataset_id
    try:
        public_title(named)
    except NotFound as gone:
        raise InputRefused(
            Text(
                f"目录中没有公开的数据集“{named}”；发布后方可办结。",
                f"The catalogue shows no public dataset “{named}”; publish it before the task is done.",
            ),
            field="dataset_id",
        ) from gone
    row.dataset_id = named
    return read(work, BOOK.move(work, actor, row, Step.FINISH, body.note, {"dataset_id": named}))


def tasks(
    work: Work, actor: Actor, *, year: int | None = None, state: str = "", department_id: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[TaskRead], int]:  # fmt: skip
    """Tasks in sight, those due first, and their number."""
    met: list[ColumnElement[bool]] = [col(OpenTaskRow.year) == year] if year else []
    met += [col(OpenTaskRow.state) == state] if state else []
    met += [col(OpenTaskRow.department_id) == department_id] if department_id else []
    rows, total = BOOK.listed(work, actor, *met, order=(col(OpenTaskRow.due_on),), offset=offset, limit=limit)
    return [read(work, row) for row in rows], total


def how_far(work: Work, year: int) -> tuple[int, int]:
    """Done, of how many published tasks of the year."""
    states = work.db.exec(select(OpenTaskRow.state).where(OpenTaskRow.year == year))
    return progress([State(state) for state in states])


def task(work: Work, actor: Actor, task_id: str) -> TaskRead:
    """One task; NotFound outside the actor's sight."""
    return read(work, BOOK.row(work, task_id, actor))


def commands(work: Work, actor: Actor, task_id: str) -> list[Command]:
    """What this actor may do with it now."""
    return BOOK.commands(actor, BOOK.row(work, task_id, actor))


def read(work: Work, row: OpenTaskRow) -> TaskRead:
    late = row.state == State.PUBLISHED and work.now.astimezone(LOCAL).date() > row.due_on
    return TaskRead.model_validate(row, update={"is_late": late})
