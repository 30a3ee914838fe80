"""Long work as rows: asked for in the transaction that needs it, carried out by the worker, seen by everybody.

A `JobRow` is the promise; the worker turns it into a durable workflow whose id is the job's id, so that a job asked
for is a job done, at most once in effect, also across kill -9.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlmodel import Field, SQLModel, col, select

from core.db import UtcDateTime
from core.errors import NotFound
from core.ids import JobId
from core.rows import EventfulRow
from core.text import Text
from core.work import Work


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL: Final = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})


class JobRow(EventfulRow, table=True):
    """One piece of long work. `progress` runs from 0 to 1; `payload`, `result`, `error` are JSON."""

    __tablename__ = "core_job"
    id: str = Field(primary_key=True)
    kind: str = Field(index=True, max_length=60)
    subject: str = Field(index=True, max_length=120)
    org_id: str | None = Field(default=None, index=True)
    requested_by: str
    payload: str = "{}"
    state: str = Field(default=JobState.QUEUED, index=True)
    progress: float = 0.0
    message_zh: str = ""
    message_en: str = ""
    result: str | None = None
    error: str | None = None
    attempts: int = 0
    cancel_requested: bool = False
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class JobRead(SQLModel):
    """What a reader sees of a job."""

    id: JobId
    kind: str
    subject: str
    state: JobState
    progress: float
    message_zh: str
    message_en: str
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


def ask_for(
    work: Work,
    kind: str,
    subject: str,
    *,
    requested_by: str,
    org_id: str | None,
    payload: Mapping[str, Any] | None = None,
) -> JobId:
    """Ask for long work; it starts once the transaction has committed."""
    row = JobRow(
        id=work.new_id(),
        kind=kind,
        subject=subject,
        requested_by=requested_by,
        org_id=org_id,
        payload=json.dumps(payload or {}, ensure_ascii=False, sort_keys=True),
        created_at=work.now,
    )
    work.db.add(row)
    return JobId(row.id)


def read(row: JobRow) -> JobRead:
    return JobRead.model_validate(
        row,
        update={
            "result": json.loads(row.result) if row.result else None,
            "error": json.loads(row.error) if row.error else None,
        },
    )


def job(work: Work, job_id: str) -> JobRow:
    if (row := work.db.get(JobRow, job_id)) is None:
        raise NotFound(Text("没有这项任务。", "There is no such job."))
    return row


def latest_for(work: Work, subject: str) -> JobRow | None:
    """The newest job about `subject`."""
    return work.db.exec(
        select(JobRow).where(JobRow.subject == subject).order_by(col(JobRow.id).desc())
    ).first()


Progress = Callable[[float, Text], None]
