"""The import mode: records loaded through CKAN's API stand published at once, for a stated reason and a limited time."""

from __future__ import annotations

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from catalog import imports
from catalog.imports import ImportOpen, ImportProlong, ImportRead

router = APIRouter(prefix="/api/v1/imports", tags=["catalogue"])


@router.get("", **access("catalog:import:read"))
def list_imports(work: ReadDep) -> list[ImportRead]:
    """Every opening, newest first, with how many records it let in."""
    return imports.history(work)


@router.post("", status_code=201, **access(imports.MAY))
def open_import(work: WorkDep, actor: ActorDep, body: ImportOpen) -> ImportRead:
    """Open it. Conflict while one is open."""
    return imports.opened(work, actor, body)


@router.post("/prolong", **access(imports.MAY))
def prolong_import(work: WorkDep, actor: ActorDep, body: ImportProlong) -> ImportRead:
    """Let the open one end later, a day after its opening at most. Conflict when none is open."""
    return imports.prolonged(work, actor, body)


@router.post("/close", **access(imports.MAY))
def close_import(work: WorkDep, actor: ActorDep) -> ImportRead:
    """Close it before its time."""
    return imports.closed(work, actor)
