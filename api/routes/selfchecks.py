"""Self-checks: the platform's and those of enterprises, as the record stands now; handing one in; those that were."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, Offset, ReadDep, WorkDep
from api.house import House
from api.late import APIRouter
from api.second_factor import due_roles
from auth.selfcheck import service
from auth.selfcheck.service import KEEP, READ, Around, CheckRead, KeptRead
from datasets.extracts.queries import receiptless

router = APIRouter(prefix="/api/v1/self-checks", tags=["supervision"])


def around(house: House) -> Around:
    """What a self-check looks at beside the database."""
    return Around(house.settings, due_roles(house), receiptless)


@router.get("", **access(READ))
def list_self_checks(
    work: ReadDep,
    actor: ActorDep,
    subject: Annotated[str, Query(max_length=60)] = "",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Self-checks that were handed in, newest first. `subject`: `platform`, or an organisation's id."""
    items, total = service.kept(work, actor, subject=subject, offset=offset, limit=limit)
    return {"items": items, "total": total, "next": offset + limit if offset + limit < total else None}


@router.get("/kept/{self_check_id}", **access(READ))
def show_self_check(work: ReadDep, actor: ActorDep, self_check_id: str) -> KeptRead:
    """One that was handed in, as it stood. `sha256` is the digest of `document`, its canonical JSON."""
    return service.kept_one(work, actor, self_check_id)


@router.get("/now", **access(READ))
def current_self_check(
    work: ReadDep, house: HouseDep, actor: ActorDep, subject: Annotated[str, Query(max_length=60)] = ""
) -> CheckRead:
    """Each point with pass, fail or not applicable, as the record stands now. `subject`: `platform`, or an organisation's id; left out: the
    caller's own enterprise, or the platform."""
    return service.check(work, actor, subject or service.own_subject(actor), around(house))


@router.post("/now", status_code=201, **access(KEEP))
def keep_self_check(
    work: WorkDep, house: HouseDep, actor: ActorDep, subject: Annotated[str, Query(max_length=60)] = ""
) -> KeptRead:
    """Hand it in as it stands now: an officer for his enterprise, an administrator for the platform. Kept with day and digest."""
    return service.keep(work, actor, subject or service.own_subject(actor), around(house))
