"""What callers send about releases and what we promise to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from core.ids import BatchId, DatasetId, JobId, OrgId, ReleaseId
from datasets.releases.workflow import ReleaseState


class ReleaseCreate(SQLModel):
    """Publish a batch; `version` is the batch's version that the publisher saw."""

    model_config = {"extra": "forbid"}

    batch_id: BatchId
    note: str = Field(default="", max_length=2000)
    version: int | None = None


class Withdrawal(SQLModel):
    model_config = {"extra": "forbid"}

    reason: str = Field(max_length=2000)


class ReleaseRead(SQLModel):
    """A release as everybody who may see it sees it. Hashes are SHA-256, 64 hex digits."""

    id: ReleaseId
    dataset_id: DatasetId
    org_id: OrgId
    number: int
    state: ReleaseState
    batch_id: BatchId
    job_id: JobId | None
    sha256: str | None
    size_bytes: int | None
    rows: int | None
    columns: list[dict[str, Any]]
    csv_sha256: str | None
    csv_bytes: int | None
    manifest_sha256: str | None
    content_sha256: str
    suite_number: int
    verdict: str
    note: str
    requested_at: datetime
    published_at: datetime | None
    superseded_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_reason: str
    problem: dict[str, Any] | None
    version: int
