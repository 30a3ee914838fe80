"""The audit record: read it, and check that nobody rewrote it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from api.access import access
from api.deps import ReadDep
from auth import audit, audit_reading

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("", **access("auth:audit:read"))
def list_events(
    work: ReadDep,
    kind: str = "",
    account: str = "",
    subject: str = "",
    dataset_id: str = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Events, newest first. `kind`: `grant.revoked` or `grant`; `subject` also finds grants and applications by id."""
    items, total = audit_reading.events(
        work, kind=kind, account=account, subject=subject, dataset_id=dataset_id, since=since, until=until,
        offset=offset, limit=limit,
    )  # fmt: skip
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/verify", **access("auth:audit:read"))
def verify_chain(work: ReadDep) -> dict[str, Any]:
    """Walk the whole chain; `fault` names the first place where it does not hold, null when it does."""
    return verified(work)


def verified(work: ReadDep) -> dict[str, Any]:
    """Number of events, the first fault, and the head of the chain: the hash to compare with a copy kept elsewhere."""
    count, fault = audit.verify(work)
    newest, _ = audit_reading.events(work, limit=1)
    at: datetime = work.now
    return {
        "events": count,
        "holds": fault is None,
        "fault": {"seq": fault.seq, "what": fault.what} if fault else None,
        "head": newest[0].hash if newest else audit.GENESIS,
        "checked_at": at,
    }
