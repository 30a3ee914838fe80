"""Pages of long work; the fragment is what a running job's box asks for every second."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from api.access import SIGNED_IN, access
from api.deps import ActorDep, ReadDep, WorkDep
from api.late import APIRouter
from api.web import go, page
from auth.actor import Actor
from core.jobs import JobRead, JobState
from core.text import Text
from datasets import jobs
from datasets.pipeline import kinds

router = APIRouter(prefix="/jobs", tags=["pages"])


def title_of(kind: str) -> Text:
    """A kind's name for people."""
    return kinds()[kind].title if kind in kinds() else Text(kind, kind)


_ROOMS: Final = {
    "batch": ("/batches", "datasets:batch:read"),
    "release": ("/releases", ""),
    "extract": ("/extracts", "datasets:extract:read"),
    "source": ("/sources", "datasets:source:read"),
}


def about(job: JobRead, actor: Actor) -> str | None:
    """Where the thing lives that the job is about, for those who may go there; its subject is an id, or `room/id`."""
    room, need = _ROOMS.get(job.kind.partition(".")[0], ("", ""))
    return f"{room}/{job.subject.rpartition('/')[2]}" if room and (not need or actor.may(need)) else None


def _as_state(word: str) -> JobState | None:
    return JobState(word) if word in set(JobState) else None


@router.get("", response_class=HTMLResponse, **access(SIGNED_IN))
def list_page(
    request: Request,
    work: ReadDep,
    actor: ActorDep,
    state: str = "",
    kind: str = "",
    after: str | None = None,
) -> HTMLResponse:
    """All jobs that the reader may see."""
    found = jobs.jobs_of(work, actor, state=_as_state(state), kind=kind or None, after=after)
    return page(
        request, "jobs/list.html", found=found, state=state, kind=kind, states=jobs.STATE_NAMES, title_of=title_of,
        kinds={name: each.title for name, each in kinds().items()}, about=partial(about, actor=actor),
    )  # fmt: skip


def _facts(work: ReadDep, actor: ActorDep, job_id: str) -> dict[str, Any]:
    job = jobs.job(work, actor, job_id)
    return {"job": job, "title": title_of(job.kind), "about": about(job, actor)}


@router.get("/{job_id}", response_class=HTMLResponse, **access(SIGNED_IN))
def show_page(request: Request, work: ReadDep, actor: ActorDep, job_id: str) -> HTMLResponse:
    """One job."""
    facts = _facts(work, actor, job_id)
    return page(request, "jobs/show.html", cancellable=jobs.cancellable(work, actor, job_id), **facts)


@router.get("/{job_id}/fragment", response_class=HTMLResponse, **access(SIGNED_IN))
def fragment(request: Request, work: ReadDep, actor: ActorDep, job_id: str) -> HTMLResponse:
    """The job's progress box alone; when the job has ended, the page around it is loaded again."""
    facts = _facts(work, actor, job_id)
    answer = page(request, "jobs/fragment.html", **facts)
    if facts["job"].ended_at is not None:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.post("/{job_id}/cancel", **access(SIGNED_IN))
def cancel(work: WorkDep, actor: ActorDep, job_id: str) -> Response:
    """Ask the job to stop."""
    jobs.cancel(work, actor, job_id)
    return go(
        f"/jobs/{job_id}",
        Text("已请求取消，任务将在下一个安全点停止。", "Asked to stop; the job ends at its next safe point."),
    )
