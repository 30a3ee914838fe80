"""Tickets: failing rules as work for their department; and the rules that keep failing."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.late import APIRouter
from api.receiving import store_body
from core.files import StoredFile
from datasets.batches import service as batches
from datasets.batches.models import BatchRead
from datasets.tickets import queries, returned, service
from datasets.tickets.models import (
    TicketAnswer,
    TicketAssign,
    TicketDetail,
    TicketNote,
    TicketRead,
    TicketRemark,
)
from datasets.tickets.workflow import TicketState

router = APIRouter(prefix="/api/v1/tickets", tags=["tickets"])
_READ, _ASSIGN, _WORK, _CONFIRM = (
    f"datasets:ticket:{word}" for word in ("read", "assign", "work", "confirm")
)
_SUBMIT = "datasets:batch:submit"


@router.get("", **access(_READ))
def list_tickets(
    work: ReadDep,
    actor: ActorDep,
    state: Annotated[list[TicketState] | None, Query()] = None,
    org_id: str = "",
    dataset_id: str = "",
    batch_id: str = "",
    overdue: bool = False,
    mine: Annotated[bool, Query(description="Only those that wait for the caller")] = False,
    live: Annotated[bool, Query(description="Only those that are not closed")] = False,
    sort: str = "due",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Tickets of the caller's departments, and those assigned to them; the next to fall due first."""
    found = queries.tickets(
        work, actor, states=tuple(state or ()), org_id=org_id, dataset_id=dataset_id, batch_id=batch_id,
        overdue=overdue, mine=mine, live=live, sort=sort, page=page, size=limit,
    )  # fmt: skip
    return {"items": found.items, "total": found.total, "next": str(page + 1) if page < found.pages else None}


@router.get("/{ticket_id}", **access(_READ, personal="ticket_id"))
def show_ticket(work: ReadDep, actor: ActorDep, ticket_id: str) -> TicketDetail:
    """One ticket: every failing batch, everything that was done and said, and what may be done now."""
    return service.detail(work, actor, ticket_id)


@router.post("/{ticket_id}/accept", **access(_ASSIGN))
def accept_ticket(work: WorkDep, actor: ActorDep, ticket_id: str, body: TicketNote) -> TicketRead:
    """Take it in (受理)."""
    return service.accept(work, actor, ticket_id, body)


@router.post("/{ticket_id}/assign", **access(_ASSIGN))
def assign_ticket(work: WorkDep, actor: ActorDep, ticket_id: str, body: TicketAssign) -> TicketRead:
    """Give it to a person or to a department (分拨)."""
    return service.assign(work, actor, ticket_id, body)


@router.post("/{ticket_id}/start", **access(_WORK))
def start_ticket(work: WorkDep, actor: ActorDep, ticket_id: str, body: TicketNote) -> TicketRead:
    """Begin work on it (处理)."""
    return service.start(work, actor, ticket_id, body)


@router.post("/{ticket_id}/answer", **access(_WORK))
def answer_ticket(work: WorkDep, actor: ActorDep, ticket_id: str, body: TicketAnswer) -> TicketRead:
    """Say what was found (反馈): corrected, right as they are, or impossible to correct."""
    return service.answer(work, actor, ticket_id, body)


@router.post("/{ticket_id}/confirm", **access(_CONFIRM))
def confirm_ticket(work: WorkDep, actor: ActorDep, ticket_id: str, body: TicketNote) -> TicketRead:
    """Close it as a second person (确认)."""
    return service.confirm(work, actor, ticket_id, body)


@router.post("/{ticket_id}/reopen", **access(_CONFIRM))
def reopen_ticket(work: WorkDep, actor: ActorDep, ticket_id: str, body: TicketNote) -> TicketRead:
    """Back to the department, with a reason and a new time to answer."""
    return service.reopen(work, actor, ticket_id, body)


@router.post("/{ticket_id}/comment", **access(_ASSIGN))
def comment_ticket(work: WorkDep, actor: ActorDep, ticket_id: str, body: TicketRemark) -> TicketRead:
    """Add a remark."""
    return service.comment(work, actor, ticket_id, body)


async def _returned(request: Request, house: HouseDep, actor: ActorDep, ticket_id: str) -> StoredFile:
    """The body in the store; whether the caller may hand in for the ticket is asked before the first byte is read."""
    from starlette.concurrency import run_in_threadpool

    def ask() -> str:
        with house.read() as work:
            dataset_id = queries.ticket(work, actor, ticket_id).dataset_id
            batches.may_submit(work, actor, dataset_id)
        return dataset_id

    return await store_body(request, house, actor, await run_in_threadpool(ask))


Returned = Annotated[StoredFile, Depends(_returned)]


@router.post(
    "/{ticket_id}/return",
    status_code=201,
    dependencies=access(_SUBMIT)["dependencies"],
    openapi_extra=access(_SUBMIT)["openapi_extra"]
    | {
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def return_workbook(
    stored: Returned,
    house: HouseDep,
    work: WorkDep,
    actor: ActorDep,
    ticket_id: str,
    name: Annotated[str, Query(min_length=1, max_length=1000, description="The file's own name")],
) -> BatchRead:
    """Hand the corrected workbook in, as the raw body (16 MiB at most; larger files go to `POST /batches`).

    Our own workbook is recognised and its rows are matched by key; any other file is taken as the whole table anew.
    """
    return returned.take(work, actor, house.files, ticket_id, name, stored)
