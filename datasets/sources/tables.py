"""What is stored of a source. A removed one stays as a tombstone, without its credential."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.sources.workflow import Outcome, SourceState


class SourceRow(SQLModel, table=True):
    """One place that is looked into. `secret` is sealed (`vault`); `memory` is what the kind remembers from look to look;
    `preparers` are the person ids of all who configured it: they count among the preparers of each of its batches."""

    __tablename__ = "datasets_source"
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    org_id: str = Field(index=True, max_length=80)
    name: str = Field(max_length=120)
    kind: str = Field(max_length=20)
    config: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    secret: str | None = Field(default=None, sa_type=Text)
    schedule: str = Field(max_length=60)
    state: str = Field(default=SourceState.ACTIVE, index=True, max_length=20)
    due_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    memory: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    failures: int = 0
    paused_why: dict[str, str] | None = Field(default=None, sa_type=JSON)
    owner: dict[str, Any] = Field(sa_type=JSON)
    preparers: list[str] = Field(default_factory=list, sa_type=JSON)
    open_run: str | None = None
    last_run_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_outcome: str | None = Field(default=None, max_length=20)
    created_at: datetime = Field(sa_type=UtcDateTime)
    version: int = 1


class SourceRunRow(SQLModel, table=True):
    """One look into a source. `items`: the files found, each with its hash, its batch and where it came from."""

    __tablename__ = "datasets_source_run"
    id: str = Field(primary_key=True)
    source_id: str = Field(index=True, foreign_key="datasets_source.id")
    job_id: str | None = None
    asked_by: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    asked_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str = Field(default=Outcome.RUNNING, max_length=20)
    said: dict[str, str] | None = Field(default=None, sa_type=JSON)
    items: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class DeliveryRow(SQLModel, table=True):
    """Which look brought a batch, and from where: address without credential, entity tag, instant of the fetch."""

    __tablename__ = "datasets_source_delivery"
    batch_id: str = Field(primary_key=True)
    source_id: str = Field(index=True, foreign_key="datasets_source.id")
    run_id: str = Field(foreign_key="datasets_source_run.id")
    provenance: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
