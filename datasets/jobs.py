"""Jobs as people see them: their own organisation's, or all of them for those who watch the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth import audit
from auth.actor import PLATFORM, Actor
from auth.roles import Role
from core.errors import Conflict, NotFound
from core.jobs import FINAL, JobRead, JobRow, JobState, read
from core.text import Text
from core.work import Work
from datasets.suites import PREVIEW

_MAY_STOP: Final = frozenset({Role.SYSADMIN, Role.SECURITY_OFFICER, Role.STEWARD, Role.CATALOG_ADMIN})

# Whose work on the platform as a whole is about what jobs are about; clerks and output checkers see those of their own alone.
_WATCH: Final = _MAY_STOP | {Role.AUDITOR, Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY, Role.APPROVER}

STATE_NAMES: Final[dict[JobState, Text]] = {
    JobState.QUEUED: Text("排队中", "Queued"),
    JobState.RUNNING: Text("进行中", "Running"),
    JobState.DONE: Text("已完成", "Done"),
    JobState.FAILED: Text("失败", "Failed"),
    JobState.CANCELLED: Text("已取消", "Cancelled"),
}


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of a list, newest first; `next` is the id to go on from."""

    items: list[JobRead]
    total: int
    next: str | None


def _visible(actor: Actor) -> SelectOfScalar[JobRow]:
    """Jobs that the actor may see: asked for by him, of an organisation he acts for, or all for those who watch the platform."""
    wanted = select(JobRow)
    if actor.via == "system" or any(held.scope == PLATFORM and held.role in _WATCH for held in actor.roles):
        return wanted
    scopes = {held.scope for held in actor.roles}
    if actor.grant is not None:
        return wanted.where(JobRow.requested_by == actor.account_id)
    own = scopes | ({actor.org_id} if actor.org_id else set())
    return wanted.where(or_(col(JobRow.requested_by) == actor.account_id, col(JobRow.org_id).in_(own)))


def jobs_of(
    work: Work,
    actor: Actor,
    *,
    state: JobState | None = None,
    kind: str | None = None,
    subject: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> JobPage:
    """One page of the jobs that the actor may see."""
    wanted = _visible(actor)
    if kind is None:
        wanted = wanted.where(JobRow.kind != PREVIEW)  # asked for with every few letters typed
    for column, value in ((JobRow.state, state), (JobRow.kind, kind), (JobRow.subject, subject)):
        if value:
            wanted = wanted.where(col(column) == value)
    total = work.db.exec(select(func.count()).select_from(wanted.subquery())).one()
    if after:
        wanted = wanted.where(col(JobRow.id) < after)
    rows = work.db.exec(wanted.order_by(col(JobRow.id).desc()).limit(limit + 1)).all()
    more = rows[limit - 1].id if len(rows) > limit else None
    return JobPage([read(row) for row in rows[:limit]], total, more)


def _row(work: Work, actor: Actor, job_id: str) -> JobRow:
    row = work.db.exec(_visible(actor).where(JobRow.id == job_id)).first()
    if row is None:
        raise NotFound(Text("没有这项任务。", "There is no such job."))
    return row


def job(work: Work, actor: Actor, job_id: str) -> JobRead:
    return read(_row(work, actor, job_id))


def may_cancel(actor: Actor, row: JobRead | JobRow, requested_by: str, org_id: str | None) -> bool:
    """Who asked for it, or who answers for it; and only while it is not over. A key with limits stops nothing."""
    may_act = actor.only is None and row.state not in FINAL
    return may_act and (requested_by == actor.account_id or not actor.roles_in(org_id).isdisjoint(_MAY_STOP))


def cancellable(work: Work, actor: Actor, job_id: str) -> bool:
    """Whether the actor may cancel it now; for the page's button."""
    row = _row(work, actor, job_id)
    return may_cancel(actor, row, row.requested_by, row.org_id)


def cancel(work: Work, actor: Actor, job_id: str) -> JobRead:
    """Ask a job to stop. It stops at its next safe point; what it had begun is put right by its own kind."""
    row = _row(work, actor, job_id)
    if row.state in FINAL:
        raise Conflict(
            Text(
                f"任务已结束（{STATE_NAMES[JobState(row.state)].zh}），无需取消。",
                f"The job has ended ({STATE_NAMES[JobState(row.state)].en}); there is nothing to cancel.",
            )
        )
    if not may_cancel(actor, row, row.requested_by, row.org_id):
        raise Conflict(
            Text(
                "只有提交任务的人或其主管可以取消；请联系他们。",
                "Only who asked for the job, or who answers for it, may cancel it; ask them.",
            )
        )
    row.cancel_requested = True
    work.db.add(row)
    audit.record(
        work, actor, "job.cancel_requested", subject=row.id, payload={"kind": row.kind, "about": row.subject}
    )
    return read(row)
