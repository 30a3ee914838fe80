"""The yearly open plan: tasks with milestones, and how far it is."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import Path, Query

from api.access import PUBLIC, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import public_title
from auth.casework.book import CaseStep
from auth.openplan import service
from auth.openplan.service import FINISH, PLAN, TaskCreate, TaskFinish, TaskRead
from auth.openplan.workflow import State, Step
from auth.policy.filters.rules import LOCAL

router = APIRouter(prefix="/api/v1/open-plan", tags=["open plan"])
Id = Annotated[str, Path(max_length=60)]


@router.get("", **access(PUBLIC))
def list_tasks(
    work: ReadDep,
    actor: ActorDep,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    state: State | None = None,
    department_id: Annotated[str, Query(max_length=60)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """The plan of a year (the present one without), those due first, and how many of its tasks are done."""
    chosen = year or work.now.astimezone(LOCAL).year
    found, total = service.tasks(
        work, actor, year=chosen, state=state or "", department_id=department_id, offset=offset, limit=limit
    )
    done, of = service.how_far(work, chosen)
    following = offset + limit if offset + limit < total else None
    return {"year": chosen, "done": done, "of": of, "items": found, "total": total, "next": following}


@router.post("", status_code=201, **access(PLAN))
def enter_task(work: WorkDep, actor: ActorDep, body: TaskCreate) -> TaskRead:
    """Enter a task as a draft."""
    return service.enter(work, actor, body)


@router.get("/{task_id}", **access(PUBLIC))
def show_task(work: ReadDep, actor: ActorDep, task_id: Id) -> TaskRead:
    """One task."""
    return service.task(work, actor, task_id)


@router.post("/{task_id}/publish", **access(PLAN))
def publish_task(work: WorkDep, actor: ActorDep, task_id: Id, body: CaseStep) -> TaskRead:
    """Publish it in the plan."""
    return service.step(work, actor, task_id, Step.PUBLISH, body)


@router.post("/{task_id}/drop", **access(PLAN))
def drop_task(work: WorkDep, actor: ActorDep, task_id: Id, body: CaseStep) -> TaskRead:
    """Drop it, with a reason."""
    return service.step(work, actor, task_id, Step.DROP, body)


@router.post("/{task_id}/reopen", **access(PLAN))
def reopen_task(work: WorkDep, actor: ActorDep, task_id: Id, body: CaseStep) -> TaskRead:
    """Take it up again, with a reason."""
    return service.step(work, actor, task_id, Step.REOPEN, body)


@router.post("/{task_id}/finish", **access(FINISH))
def finish_task(work: WorkDep, actor: ActorDep, task_id: Id, body: TaskFinish) -> TaskRead:
    """Say that it is done, naming a public dataset."""
    return service.finish(work, actor, task_id, body, public_title=partial(public_title, work))
