"""Questions and error reports on datasets and their releases."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query

from api.access import PUBLIC, SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from catalog.discussions import service
from catalog.discussions.service import Hiding, PostCreate, Reply, ThreadRead
from catalog.discussions.workflow import ThreadStep
from datasets.tickets import reports

router = APIRouter(prefix="/api/v1/discussions", tags=["datasets"])
WRITE = "catalog:dataset:write"


@router.get("", **access(PUBLIC))
def list_threads(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: Annotated[str, Query(max_length=80)] = "",
    kind: Literal["", "question", "error"] = "",
    state: Literal["", "open", "accepted", "settled", "declined"] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """Threads on records within the caller's sight, newest first."""
    found, total = service.threads(
        work, actor, dataset_id=dataset_id, kind=kind, state=state, offset=offset, limit=limit
    )
    following = offset + limit
    found = reports.told(work, found)
    return {"items": found, "total": total, "next": following if following < total else None}


@router.post("", status_code=201, **access(SIGNED_IN))
def post_thread(
    work: WorkDep, actor: ActorDep, dataset_id: Annotated[str, Query(max_length=80)], body: PostCreate
) -> ThreadRead:
    """Ask, or report an error in the data, which becomes a ticket of the department where there is a release. At most ten posts an
    hour (429)."""
    return reports.post(work, actor, dataset_id, body)


@router.get("/{thread_id}", **access(PUBLIC))
def show_thread(work: ReadDep, actor: ActorDep, thread_id: str) -> ThreadRead:
    """One thread with its replies, and the steps open to the caller."""
    return reports.told(work, [service.thread(work, actor, thread_id)])[0]


@router.post("/{thread_id}/reply", status_code=201, **access(SIGNED_IN))
def reply(work: WorkDep, actor: ActorDep, thread_id: str, body: Reply) -> ThreadRead:
    """Say more in the thread."""
    return service.reply(work, actor, thread_id, body)


@router.post("/{thread_id}/accept", **access(WRITE))
def accept_error(work: WorkDep, actor: ActorDep, thread_id: str, body: Reply) -> ThreadRead:
    """The department confirms it and says what will be done."""
    return reports.step(work, actor, thread_id, ThreadStep.ACCEPT, body)


@router.post("/{thread_id}/settle", **access(WRITE))
def settle(work: WorkDep, actor: ActorDep, thread_id: str, body: Reply) -> ThreadRead:
    """The department answers; the thread is done."""
    return reports.step(work, actor, thread_id, ThreadStep.SETTLE, body)


@router.post("/{thread_id}/decline", **access(WRITE))
def decline(work: WorkDep, actor: ActorDep, thread_id: str, body: Reply) -> ThreadRead:
    """The department changes nothing, with its reason."""
    return reports.step(work, actor, thread_id, ThreadStep.DECLINE, body)


@router.post("/{thread_id}/reopen", **access(SIGNED_IN))
def reopen(work: WorkDep, actor: ActorDep, thread_id: str, body: Reply) -> ThreadRead:
    """Its author asks again."""
    return reports.step(work, actor, thread_id, ThreadStep.REOPEN, body)


@router.post("/{thread_id}/hide", **access(WRITE))
def hide(work: WorkDep, actor: ActorDep, thread_id: str, body: Hiding) -> ThreadRead:
    """Take a thread's head or a reply (its own id) from sight; the reason stays for all to read."""
    return service.hide(work, actor, thread_id, body)
