"""Consents of departments that shared a dataset: enter, check, withdraw, and which grants stop."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.lookups import assets
from auth.casework.book import CaseStep
from auth.consents import service
from auth.consents.service import CHECK, ENTER, READ, WITHDRAW, ConsentCreate, ConsentRead
from auth.consents.workflow import State, Step

router = APIRouter(prefix="/api/v1/consents", tags=["consents"])


@router.get("", **access(READ))
def list_consents(
    work: ReadDep,
    actor: ActorDep,
    state: State | None = None,
    dataset_id: Annotated[str, Query(max_length=120)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Consents in the caller's sight, newest first."""
    found, total = service.consents(
        work, actor, state=state or "", dataset_id=dataset_id, offset=offset, limit=limit
    )
    return {"items": found, "total": total, "next": offset + limit if offset + limit < total else None}


@router.post("", status_code=201, **access(ENTER))
def enter_consent(work: WorkDep, actor: ActorDep, body: ConsentCreate) -> ConsentRead:
    """Enter a consent with the hash of its evidence; it counts once another person has confirmed it."""
    return service.enter(work, actor, body, assets=partial(assets, work))


@router.get("/{consent_id}", **access(READ))
def show_consent(work: ReadDep, actor: ActorDep, consent_id: str) -> ConsentRead:
    """One consent."""
    return service.consent(work, actor, consent_id)


@router.get("/{consent_id}/grants", **access(READ))
def grants_that_stop(work: ReadDep, actor: ActorDep, consent_id: str) -> dict[str, Any]:
    """Live grants that would stop if this consent were withdrawn now, each with why."""
    found = service.stops(work, actor, consent_id)
    items = [asdict(each) | {"reasons": [{"code": r.code, "zh": r.text.zh, "en": r.text.en} for r in each.reasons]} for each in found]  # fmt: skip
    return {"items": items, "total": len(items)}


@router.post("/{consent_id}/confirm", **access(CHECK))
def confirm_consent(work: WorkDep, actor: ActorDep, consent_id: str, body: CaseStep) -> ConsentRead:
    """Confirm it, as another person than the one who entered it."""
    return service.check(work, actor, consent_id, Step.CONFIRM, body)


@router.post("/{consent_id}/reject", **access(CHECK))
def reject_consent(work: WorkDep, actor: ActorDep, consent_id: str, body: CaseStep) -> ConsentRead:
    """Do not accept it, with a reason."""
    return service.check(work, actor, consent_id, Step.REJECT, body)


@router.post("/{consent_id}/withdraw", **access(WITHDRAW))
def withdraw_consent(work: WorkDep, actor: ActorDep, consent_id: str, body: CaseStep) -> ConsentRead:
    """Withdraw it; grants that nothing else covers stop at this instant."""
    return service.withdraw(work, actor, consent_id, body)
