"""Long work: what is waiting, running and done."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.access import SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from core.jobs import JobRead, JobState
from datasets import jobs

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.get("", **access(SIGNED_IN))
def list_jobs(
    work: ReadDep,
    actor: ActorDep,
    state: JobState | None = None,
    kind: str | None = None,
    subject: str | None = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Jobs of the caller's organisation (platform roles: all), newest first."""
    found = jobs.jobs_of(work, actor, state=state, kind=kind, subject=subject, after=after, limit=limit)
    return {"items": found.items, "total": found.total, "next": found.next}


@router.get("/{job_id}", **access(SIGNED_IN))
def show_job(work: ReadDep, actor: ActorDep, job_id: str) -> JobRead:
    """One job with its progress, result or failure."""
    return jobs.job(work, actor, job_id)


@router.post("/{job_id}/cancel", **access(SIGNED_IN))
def cancel_job(work: WorkDep, actor: ActorDep, job_id: str) -> JobRead:
    """Ask a job to stop; it ends at its next safe point."""
    return jobs.cancel(work, actor, job_id)
