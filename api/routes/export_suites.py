"""Export suites of datasets: what every extract must fulfil before it is handed out."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from api.access import access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.routes.suites import SuiteSave
from api.versions import SeenVersion, etag
from catalog.assets import asset
from datasets.extracts import export_suite
from quality.service import SuiteRead
from quality.suite import Suite

router = APIRouter(prefix="/api/v1/datasets/{dataset_id}/export-suite", tags=["suites"])


@router.get("", **access("quality:suite:read"))
def show_export_suite(
    work: ReadDep, actor: ActorDep, response: Response, dataset_id: str, number: int | None = None
) -> SuiteRead:
    """The version in force, or the one of that number."""
    found = export_suite.suite(work, actor, asset(work, dataset_id), number)
    response.headers.update(etag(found.number))
    return found


@router.put("", **access("quality:suite:write"))
def save_export_suite(
    work: WorkDep,
    actor: ActorDep,
    response: Response,
    dataset_id: str,
    expected: SeenVersion,
    body: SuiteSave,
) -> SuiteRead:
    """Put a new version in force; extracts that are made from now on are judged by it."""
    suite = Suite.from_data(body.suite)
    held = asset(work, dataset_id)
    saved = export_suite.save(work, actor, held, suite, body.note, expected_version=expected)
    response.headers.update(etag(saved.number))
    return saved


@router.get("/history", **access("quality:suite:read"))
def export_suite_history(work: ReadDep, actor: ActorDep, dataset_id: str) -> dict[str, Any]:
    """Every version, newest first."""
    found = export_suite.history(work, actor, asset(work, dataset_id))
    return {"items": found, "total": len(found), "next": None}
