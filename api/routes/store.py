"""The file store: checks and collections, and what they found."""

from __future__ import annotations

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from datasets.store import service
from datasets.store.service import RunRead, StoreRead

router = APIRouter(prefix="/api/v1/store", tags=["store"])


@router.get("", **access("datasets:store:read"))
def show_store(work: ReadDep) -> StoreRead:
    """The newest check of the store, the newest collection, and the newest check of the audit record."""
    return service.report(work)


@router.post("/checks", status_code=202, **access("datasets:store:check"))
def check_store(work: WorkDep, actor: ActorDep) -> RunRead:
    """Have every stored file read again and held against its digest; names damaged and missing files and counts those that nothing cites."""
    return service.ask(work, actor, service.CHECK)


@router.post("/collections", status_code=202, **access("datasets:store:collect"))
def collect_store(work: WorkDep, actor: ActorDep) -> RunRead:
    """Have files removed that no row cites and that were put more than a day ago, and before any work that is not yet done."""
    return service.ask(work, actor, service.COLLECT)


@router.post("/record-checks", status_code=202, **access("datasets:store:check"))
def check_record(work: WorkDep, actor: ActorDep) -> RunRead:
    """Have the whole audit record read again: its chain, the signed checkpoints, what stands beside the events. The worker does it every day by itself."""
    return service.ask(work, actor, service.RECORD)
