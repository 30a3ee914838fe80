"""What is stored of portals that we push to, of our records there, and of each push."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.harvest.workflow import HarvestState, RunState


class PushTargetRow(SQLModel, table=True):
    """A portal. `portal_org`: the organisation there that our records are put under; `prefix`: before their names there. `secret` is sealed."""

    __tablename__ = "datasets_push_target"
    id: str = Field(primary_key=True)
    title: str = Field(max_length=200)
    org_id: str = Field(index=True, max_length=80)
    url: str = Field(max_length=1500)
    portal_org: str = Field(max_length=100)
    prefix: str = Field(default="", max_length=20)
    reach: str = Field(max_length=20)
    only_open: bool = True
    secret: str | None = Field(default=None, sa_type=Text)
    schedule: str = Field(max_length=60)
    state: str = Field(default=HarvestState.PROPOSED, index=True, max_length=20)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    failures: int = 0
    proposed: dict[str, Any] = Field(sa_type=JSON)
    approved: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    open_run: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


class PushItemRow(SQLModel, table=True):
    """One of our records at one portal. `digest`: of what was sent; `echo`: how the portal showed it right after; `drift`: what was
    changed there since; `tried_at`: when withdrawing it there failed last; `sent`: what was sent last, until the portal's answer is kept."""

    __tablename__ = "datasets_push_item"
    target_id: str = Field(primary_key=True, foreign_key="datasets_push_target.id")
    dataset_id: str = Field(primary_key=True, max_length=80, index=True)
    portal_id: str = Field(max_length=200)
    digest: str = Field(max_length=64)
    echo: dict[str, Any] = Field(sa_type=JSON)
    drift: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    sent: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    is_gone: bool = Field(default=False, index=True)
    pushed_at: datetime = Field(sa_type=UtcDateTime)
    tried_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PushRunRow(SQLModel, table=True):
    """One push. `is_dry`: nothing was sent. `mode`: all records, only those that must leave, or all taken back."""

    __tablename__ = "datasets_push_run"
    id: str = Field(primary_key=True)
    target_id: str = Field(index=True, foreign_key="datasets_push_target.id")
    job_id: str | None = None
    is_dry: bool = False
    overwrites: bool = False
    mode: str = Field(max_length=20)
    asked_by: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    state: str = Field(default=RunState.RUNNING, max_length=20)
    said: dict[str, str] | None = Field(default=None, sa_type=JSON)
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)


class PushResultRow(SQLModel, table=True):
    """What became of one record in one push. `changes`: field → [there before, there after]; `drift`: field → [sent, found there]."""

    __tablename__ = "datasets_push_result"
    run_id: str = Field(primary_key=True, foreign_key="datasets_push_run.id")
    dataset_id: str = Field(primary_key=True, max_length=80)
    title: str = Field(default="", max_length=300)
    name: str = Field(default="", max_length=200)
    result: str = Field(index=True, max_length=20)
    why: dict[str, str] | None = Field(default=None, sa_type=JSON)
    changes: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    drift: dict[str, Any] | None = Field(default=None, sa_type=JSON)
