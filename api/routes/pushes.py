"""CKAN portals that show our public records: propose, approve, push, report."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.harvest.workflow import HarvestState, HarvestStep, Result
from datasets.push import queries, service
from datasets.push.models import PushAsk, PushCreate, PushRead, PushRunRead

router = APIRouter(prefix="/api/v1/pushes", tags=["catalogue"])
_READ, _WRITE = queries.READ, queries.WRITE
Page = Annotated[int, Query(ge=1, le=100_000)]
Limit = Annotated[int, Query(ge=1, le=200)]


def _page(found: tuple[list[Any], int], page: int, limit: int) -> dict[str, Any]:
    items, total = found
    return {"items": items, "total": total, "next": str(page + 1) if page * limit < total else None}


@router.post("", status_code=201, **access(_WRITE))
def add_portal(work: WorkDep, house: HouseDep, actor: ActorDep, body: PushCreate) -> PushRead:
    """Propose a portal. Until a second person approves it, it can only be tried."""
    return service.add(work, actor, body, house.settings.keys_dir)


@router.get("", **access(_READ))
def list_portals(
    work: ReadDep, actor: ActorDep, state: HarvestState | None = None, page: Page = 1, limit: Limit = 50
) -> dict[str, Any]:
    """Portals; removed ones only with `state=removed`."""
    return _page(queries.targets(work, actor, state=state or "", page=page, size=limit), page, limit)


@router.get("/{target_id}", **access(_READ))
def show_portal(work: ReadDep, actor: ActorDep, target_id: str) -> PushRead:
    """One of them."""
    return queries.read(work, queries.target(work, actor, target_id))


@router.post("/{target_id}/approve", **access(queries.APPROVE))
def approve_portal(work: WorkDep, actor: ActorDep, target_id: str) -> PushRead:
    """Let our records go there; never by whoever proposed it."""
    return service.approve(work, actor, target_id)


@router.post("/{target_id}/run", status_code=202, **access(_WRITE))
def run_push(work: WorkDep, actor: ActorDep, target_id: str, body: PushAsk) -> PushRunRead:
    """Push now, or only tell what would change (`dry`)."""
    return service.run(work, actor, target_id, body)


@router.post("/{target_id}/pause", **access(_WRITE))
def pause_portal(work: WorkDep, actor: ActorDep, target_id: str) -> PushRead:
    """Push no more until it is resumed."""
    return service.step(work, actor, target_id, HarvestStep.PAUSE)


@router.post("/{target_id}/resume", **access(_WRITE))
def resume_portal(work: WorkDep, actor: ActorDep, target_id: str) -> PushRead:
    """Push again."""
    return service.step(work, actor, target_id, HarvestStep.RESUME)


@router.delete("/{target_id}", **access(_WRITE))
def remove_portal(work: WorkDep, actor: ActorDep, target_id: str) -> PushRead:
    """Push never again. What stands there stays; the credential is deleted."""
    return service.step(work, actor, target_id, HarvestStep.REMOVE)


@router.get("/{target_id}/records", **access(_READ))
def list_pushed(
    work: ReadDep, actor: ActorDep, target_id: str, drifted: bool = False, page: Page = 1, limit: Limit = 50
) -> dict[str, Any]:
    """Our records there; with `drifted`, only those that were changed there since they were sent."""
    found = queries.items(work, actor, target_id, drifted=drifted, page=page, size=limit)
    return _page(found, page, limit)


@router.get("/{target_id}/runs", **access(_READ))
def list_pushes(
    work: ReadDep, actor: ActorDep, target_id: str, page: Page = 1, limit: Limit = 50
) -> dict[str, Any]:
    """Pushes to it, newest first."""
    return _page(queries.runs(work, actor, target_id, page=page, size=limit), page, limit)


@router.get("/{target_id}/runs/{run_id}", **access(_READ))
def show_push(work: ReadDep, actor: ActorDep, target_id: str, run_id: str) -> PushRunRead:
    """One push with its counts."""
    return queries.run(work, actor, target_id, run_id)


@router.get("/{target_id}/runs/{run_id}/items", **access(_READ))
def report_push(
    work: ReadDep, actor: ActorDep, target_id: str, run_id: str, result: Result | None = None,
    q: Annotated[str, Query(max_length=200)] = "", page: Page = 1, limit: Limit = 50,
) -> dict[str, Any]:  # fmt: skip
    """What became of each record, with the reason where it failed, the difference, and what was changed there since."""
    found = queries.run(work, actor, target_id, run_id)
    return _page(
        queries.results(work, found.id, result=result or "", words=q, page=page, size=limit), page, limit
    )
