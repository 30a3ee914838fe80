"""Erasing personal data: ask, withdraw, refuse with what law keeps, carry out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from auth.casework.book import CaseStep
from auth.erasure import service
from auth.erasure.service import DECIDE, ErasureCreate, ErasureRead
from auth.erasure.workflow import State, Step

router = APIRouter(prefix="/api/v1/erasures", tags=["erasures"])


@router.get("", **access("signed-in"))
def list_erasures(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Requests that the caller made or that concern him (watchers: all), newest first."""
    found, total = service.erasures(work, actor, state=state or "", offset=offset, limit=limit)
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("", status_code=201, **access("signed-in"))
def ask_erasure(work: WorkDep, actor: ActorDep, body: ErasureCreate) -> ErasureRead:
    """Ask that one's own data be erased; administrators ask for others by `username`. A second person decides."""
    return service.ask(work, actor, body)


@router.get("/{erasure_id}", **access("signed-in"))
def show_erasure(work: ReadDep, actor: ActorDep, erasure_id: str) -> dict[str, Any]:
    """One request; `duties` names what law keeps of the person now, `stays` what an erasure leaves, and why; `mentions` where others wrote the name."""
    found, row = service.erasure(work, actor, erasure_id), service.BOOK.row(work, erasure_id, actor)
    duties = service.duties(work, row) if found.state == State.ASKED else ()
    return found.model_dump(mode="json") | {
        "duties": [
            {"code": each.code, "text": {"zh": each.text.zh, "en": each.text.en}, "basis": each.basis}
            for each in duties
        ],
        "stays": {where: {"zh": why.zh, "en": why.en} for where, why in service.stays()},
        "mentions": dict(service.mentioned(work, actor, row)),
    }


@router.post("/{erasure_id}/erase", **access(DECIDE))
def erase(work: WorkDep, actor: ActorDep, erasure_id: str, body: CaseStep) -> ErasureRead:
    """Erase, as a second person; 403 with every reason why law keeps something."""
    return service.act(work, actor, erasure_id, Step.ERASE, body)


@router.post("/{erasure_id}/refuse", **access(DECIDE))
def refuse_erasure(work: WorkDep, actor: ActorDep, erasure_id: str, body: CaseStep) -> ErasureRead:
    """Refuse; what law keeps is written down with the refusal. Without such a duty, `note` gives the reason."""
    return service.act(work, actor, erasure_id, Step.REFUSE, body)


@router.post("/{erasure_id}/withdraw", **access("signed-in"))
def withdraw_erasure(work: WorkDep, actor: ActorDep, erasure_id: str, body: CaseStep) -> ErasureRead:
    """Withdraw the request, as the one who asked or the person."""
    return service.act(work, actor, erasure_id, Step.WITHDRAW, body)
