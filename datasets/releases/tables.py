"""What is stored of a release. Rows are never deleted; a withdrawn release stays as its tombstone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.releases.workflow import ReleaseState


class ReleaseRow(SQLModel, table=True):
    """One version of a dataset. `sha256` names the Parquet file; `content_sha256` its values, which the verdict names too.

    `file_facts`: columns with type and dictionary words. `csv_sha256` only for data open without condition.
    """

    __tablename__ = "datasets_release"
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    org_id: str = Field(index=True, max_length=80)
    number: int
    batch_id: str = Field(index=True, foreign_key="datasets_batch.id")
    state: str = Field(default=ReleaseState.PREPARING, index=True, max_length=20)
    job_id: str | None = None
    sha256: str | None = Field(default=None, max_length=64, index=True)
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    rows: int | None = Field(default=None, sa_type=BigInteger)
    columns: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    csv_sha256: str | None = Field(default=None, max_length=64)
    csv_bytes: int | None = Field(default=None, sa_type=BigInteger)
    manifest_sha256: str | None = Field(default=None, max_length=64)
    content_sha256: str = Field(max_length=64)
    batch_sha256: str = Field(max_length=64)
    suite_version_id: str
    suite_number: int
    verdict_id: str
    verdict: str = Field(max_length=10)
    preparers: list[str] = Field(default_factory=list, sa_type=JSON)
    prepared: dict[str, Any] = Field(sa_type=JSON)
    publisher: dict[str, Any] = Field(sa_type=JSON)
    note: str = Field(default="", max_length=2000)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    published_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    superseded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_reason: str = Field(default="", max_length=2000)
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    version: int = 1
