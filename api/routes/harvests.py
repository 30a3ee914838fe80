"""Outside catalogues whose records are shown here as foreign: propose, approve, harvest, report."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.harvest import queries, service
from datasets.harvest.models import HarvestCreate, HarvestRead, HarvestRunRead, RunAsk
from datasets.harvest.workflow import HarvestState, HarvestStep, Result

router = APIRouter(prefix="/api/v1/harvests", tags=["catalogue"])
_READ, _WRITE = queries.READ, queries.WRITE
Page = Annotated[int, Query(ge=1, le=100_000)]
Limit = Annotated[int, Query(ge=1, le=200)]


def _page(found: tuple[list[Any], int], page: int, limit: int) -> dict[str, Any]:
    items, total = found
    return {"items": items, "total": total, "next": str(page + 1) if page * limit < total else None}


@router.post("", status_code=201, **access(_WRITE))
def add_catalogue(work: WorkDep, house: HouseDep, actor: ActorDep, body: HarvestCreate) -> HarvestRead:
    """Propose a catalogue. Until a second person approves it, it can only be tried."""
    return service.add(work, actor, body, house.settings.keys_dir)


@router.get("", **access(_READ))
def list_catalogues(
    work: ReadDep, actor: ActorDep, state: HarvestState | None = None, page: Page = 1, limit: Limit = 50
) -> dict[str, Any]:
    """Outside catalogues; removed ones only with `state=removed`."""
    return _page(queries.sources(work, actor, state=state or "", page=page, size=limit), page, limit)


@router.get("/{source_id}", **access(_READ))
def show_catalogue(work: ReadDep, actor: ActorDep, source_id: str) -> HarvestRead:
    """One of them."""
    return queries.read(work, queries.source(work, actor, source_id))


@router.post("/{source_id}/approve", **access(queries.APPROVE))
def approve_catalogue(work: WorkDep, actor: ActorDep, source_id: str) -> HarvestRead:
    """Let its records be published; never by whoever proposed it."""
    return service.approve(work, actor, source_id)


@router.post("/{source_id}/run", status_code=202, **access(_WRITE))
def run_harvest(work: WorkDep, actor: ActorDep, source_id: str, body: RunAsk) -> HarvestRunRead:
    """Harvest now, or only tell what would change (`dry`)."""
    return service.run(work, actor, source_id, body)


@router.post("/{source_id}/pause", **access(_WRITE))
def pause_catalogue(work: WorkDep, actor: ActorDep, source_id: str) -> HarvestRead:
    """Harvest no more until it is resumed."""
    return service.step(work, actor, source_id, HarvestStep.PAUSE)


@router.post("/{source_id}/resume", **access(_WRITE))
def resume_catalogue(work: WorkDep, actor: ActorDep, source_id: str) -> HarvestRead:
    """Harvest again."""
    return service.step(work, actor, source_id, HarvestStep.RESUME)


@router.delete("/{source_id}", **access(_WRITE))
def remove_catalogue(work: WorkDep, actor: ActorDep, source_id: str) -> HarvestRead:
    """Harvest never again. Its records stay; the credential is deleted."""
    return service.step(work, actor, source_id, HarvestStep.REMOVE)


@router.get("/{source_id}/runs", **access(_READ))
def list_harvests(
    work: ReadDep, actor: ActorDep, source_id: str, page: Page = 1, limit: Limit = 50
) -> dict[str, Any]:
    """Its harvests, newest first."""
    return _page(queries.runs(work, actor, source_id, page=page, size=limit), page, limit)


@router.get("/{source_id}/runs/{run_id}", **access(_READ))
def show_harvest(work: ReadDep, actor: ActorDep, source_id: str, run_id: str) -> HarvestRunRead:
    """One harvest with its counts."""
    return queries.run(work, actor, source_id, run_id)


@router.get("/{source_id}/runs/{run_id}/items", **access(_READ))
def report_harvest(
    work: ReadDep, actor: ActorDep, source_id: str, run_id: str, result: Result | None = None,
    q: Annotated[str, Query(max_length=200)] = "", page: Page = 1, limit: Limit = 50,
) -> dict[str, Any]:  # fmt: skip
    """What became of each record, with the reason where it failed and the difference where it changed."""
    found = queries.run(work, actor, source_id, run_id)
    return _page(
        queries.items(work, found.id, result=result or "", words=q, page=page, size=limit), page, limit
    )
