"""Waivers: failed rules that people answer for, for a while."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Query

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.waivers import queries, service
from datasets.waivers.models import WaiverCreate, WaiverDetail, WaiverNote, WaiverRead

router = APIRouter(prefix="/api/v1/waivers", tags=["waivers"])
_READ, _SIGN, _SECOND, _REVOKE = (f"datasets:waiver:{word}" for word in ("read", "sign", "second", "revoke"))
Standing = Literal["proposed", "effective", "expired", "refused", "revoked"]


@router.get("", **access(_READ))
def list_waivers(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str = "",
    rule_key: str = "",
    standing: Standing | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Waivers of the caller's departments, newest first; none is ever deleted."""
    found = queries.waivers(
        work, actor, dataset_id=dataset_id or None, rule_key=rule_key or None, standing=standing or "", page=page,
        size=limit,
    )  # fmt: skip
    return {"items": found.items, "total": found.total, "next": str(page + 1) if page < found.pages else None}


@router.get("/rules", **access(_SIGN))
def list_rules(work: ReadDep, actor: ActorDep, dataset_id: str) -> dict[str, Any]:
    """The blocking rules of a dataset's suite in force with their keys, and whether each may be waived at all."""
    found = service.rules_to_waive(work, actor, dataset_id)
    return {"items": found, "total": len(found), "next": None}


@router.post("", status_code=201, **access(_SIGN))
def sign_waiver(work: WorkDep, actor: ActorDep, body: WaiverCreate) -> WaiverRead:
    """Sign: a warning is waived at once, a critical rule once an approver has signed too."""
    return service.sign(work, actor, body)


@router.get("/{waiver_id}", **access(_READ))
def show_waiver(work: ReadDep, actor: ActorDep, waiver_id: str) -> WaiverDetail:
    """One waiver, and what passed under it."""
    return service.detail(work, actor, waiver_id)


@router.post("/{waiver_id}/second", **access(_SECOND))
def second_waiver(work: WorkDep, actor: ActorDep, waiver_id: str, body: WaiverNote) -> WaiverRead:
    """Sign as the second person; from now on it counts."""
    return service.second(work, actor, waiver_id, body)


@router.post("/{waiver_id}/refuse", **access(_SECOND))
def refuse_waiver(work: WorkDep, actor: ActorDep, waiver_id: str, body: WaiverNote) -> WaiverRead:
    """Refuse the second signature, with a reason."""
    return service.refuse(work, actor, waiver_id, body)


@router.post("/{waiver_id}/revoke", **access(_REVOKE))
def revoke_waiver(work: WorkDep, actor: ActorDep, waiver_id: str, body: WaiverNote) -> WaiverRead:
    """End it now, with a reason."""
    return service.revoke(work, actor, waiver_id, body)
