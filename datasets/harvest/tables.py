"""What is stored of outside catalogues, their harvests and the records that came."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.harvest.workflow import HarvestState, RunState


class HarvestSourceRow(SQLModel, table=True):
    """One outside catalogue. `secret` is sealed; `memory`: the entity tags of the pages of the last whole harvest,
    and whether it left nothing to do."""

    __tablename__ = "datasets_harvest_source"
    id: str = Field(primary_key=True)
    title: str = Field(max_length=200)
    org_id: str = Field(index=True, max_length=80)
    form: str = Field(max_length=20)
    config: dict[str, Any] = Field(sa_type=JSON)
    secret: str | None = Field(default=None, sa_type=Text)
    schedule: str = Field(max_length=60)
    state: str = Field(default=HarvestState.PROPOSED, index=True, max_length=20)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    memory: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    failures: int = 0
    proposed: dict[str, Any] = Field(sa_type=JSON)
    approved: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    open_run: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


class HarvestRunRow(SQLModel, table=True):
    """One harvest. `is_dry`: nothing was written to the catalogue."""

    __tablename__ = "datasets_harvest_run"
    id: str = Field(primary_key=True)
    source_id: str = Field(index=True, foreign_key="datasets_harvest_source.id")
    job_id: str | None = None
    is_dry: bool = False
    lets_go: bool = False
    asked_by: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    state: str = Field(default=RunState.RUNNING, max_length=20)
    said: dict[str, str] | None = Field(default=None, sa_type=JSON)
    counts: dict[str, int] = Field(default_factory=dict, sa_type=JSON)


class HarvestItemRow(SQLModel, table=True):
    """What became of one record in one harvest. `place` keeps the order; a repeated step finds its items and does nothing twice."""

    __tablename__ = "datasets_harvest_item"
    run_id: str = Field(primary_key=True, foreign_key="datasets_harvest_run.id")
    place: int = Field(primary_key=True)
    key: str = Field(index=True, max_length=64)
    identifier: str = Field(max_length=1000)
    title: str = Field(default="", max_length=300)
    result: str = Field(index=True, max_length=20)
    dataset_id: str | None = Field(default=None, max_length=80)
    why: dict[str, str] | None = Field(default=None, sa_type=JSON)
    changes: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class HarvestedRow(SQLModel, table=True):
    """Which of our records stands for which of theirs: identity is source + identifier. A record that comes back has a new life."""

    __tablename__ = "datasets_harvested"
    __table_args__ = (UniqueConstraint("source_id", "key", "generation"),)
    dataset_id: str = Field(primary_key=True, max_length=80)
    source_id: str = Field(index=True, foreign_key="datasets_harvest_source.id")
    key: str = Field(max_length=64)
    identifier: str = Field(max_length=1000)
    generation: int = 1
    digest: str = Field(max_length=64)
    record: dict[str, Any] = Field(sa_type=JSON)
    is_gone: bool = False
