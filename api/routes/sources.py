"""Sources besides upload: watched folders, addresses, database tables."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import access
from api.deps import ActorDep, HouseDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.sources import queries, service
from datasets.sources.models import RunRead, SourceCreate, SourceRead, Tested
from datasets.sources.workflow import SourceState

router = APIRouter(prefix="/api/v1/sources", tags=["sources"])
_READ, _WRITE = queries.READ, queries.WRITE


@router.post("", status_code=201, **access(_WRITE))
def add_source(work: WorkDep, house: HouseDep, actor: ActorDep, body: SourceCreate) -> SourceRead:
    """Configure a source. Whoever does so counts among the preparers of its batches and may not publish them."""
    return service.add(work, actor, body, house.settings.keys_dir)


@router.get("", **access(_READ))
def list_sources(
    work: ReadDep,
    actor: ActorDep,
    dataset_id: str | None = None,
    state: SourceState | None = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Sources of the caller's department; removed ones only with `state=removed`."""
    found = queries.sources(work, actor, dataset_id=dataset_id, state=state, page=page, size=limit)
    return {"items": found.items, "total": found.total, "next": str(page + 1) if page < found.pages else None}


@router.get("/{source_id}", **access(_READ))
def show_source(work: ReadDep, actor: ActorDep, source_id: str) -> SourceRead:
    """One source. The credential is never told."""
    return queries.read(queries.source(work, actor, source_id), actor)


@router.get("/{source_id}/runs", **access(_READ))
def list_runs(
    work: ReadDep,
    actor: ActorDep,
    source_id: str,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """The looks into one source, newest first."""
    found = queries.runs(work, actor, source_id, limit + 1, after)
    more = found[limit - 1].id if len(found) > limit else None
    return {"items": found[:limit], "total": queries.run_count(work, actor, source_id), "next": more}


@router.post("/{source_id}/test", **access(_WRITE))
def test_source(house: HouseDep, actor: ActorDep, source_id: str) -> Tested:
    """Look into the source now and take nothing; says what it would give, or why it cannot be reached."""
    with house.read() as work:
        row = service.asking(work, actor, source_id)
        ask = service.look(row, house.settings, work.now)
    tested = service.tried(row, ask)
    with house.write() as work:
        service.note_test(work, actor, source_id, tested)
    return tested


@router.post("/{source_id}/run", status_code=202, **access(_WRITE))
def run_source(work: WorkDep, actor: ActorDep, source_id: str) -> RunRead:
    """Look now; the job (`job_id`) fetches and hands in."""
    return service.run(work, actor, source_id)


@router.post("/{source_id}/pause", **access(_WRITE))
def pause_source(work: WorkDep, actor: ActorDep, source_id: str) -> SourceRead:
    """Look no more until it is resumed."""
    return service.pause(work, actor, source_id)


@router.post("/{source_id}/resume", **access(_WRITE))
def resume_source(work: WorkDep, actor: ActorDep, source_id: str) -> SourceRead:
    """Look again; whoever resumes a source takes it over."""
    return service.resume(work, actor, source_id)


@router.delete("/{source_id}", **access(_WRITE))
def remove_source(work: WorkDep, actor: ActorDep, source_id: str) -> SourceRead:
    """Look never again. The history stays, the credential is deleted."""
    return service.remove(work, actor, source_id)
