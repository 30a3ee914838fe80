"""What callers send about releases and what we promise to answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from core.ids import BatchId, DatasetId, JobId, OrgId, ReleaseId
from datasets.releases.workflow import ReleaseState


class ReleaseCreate(SQLModel):
    """Publish a batch; `version` is the batch's version that the publisher saw. `accepts_breaking`: he knows that the
    release breaks with the last one, and `note` tells the users."""

    model_config = {"extra": "forbid"}

    batch_id: BatchId
    note: str = Field(default="", max_length=2000)
    version: int | None = None
    accepts_breaking: bool = False


class Withdrawal(SQLModel):
    model_config = {"extra": "forbid"}

    reason: str = Field(max_length=2000)


class CompatibilityRead(SQLModel):
    """What a release changes for users. `impact`: major, minor or patch; `changes`: kind, column, before, after, zh, en."""

    semver: str
    impact: str
    is_first: bool
    compared_to: ReleaseId | None
    compared_number: int | None
    compared_semver: str | None
    changes: list[dict[str, Any]]


class ReleaseRead(SQLModel):
    """A release as everybody who may see it sees it. Hashes are SHA-256, 64 hex digits.

    `semver` and `changes`: against release `compared_to`. `signing_key`: id of the key that signed the manifest, none on
    releases made before there were signatures.
    """

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
    semver: str | None
    changes: list[dict[str, Any]] | None
    compared_to: ReleaseId | None
    signing_key: str | None
    partitions: dict[str, Any] | None
    retired_at: datetime | None
    waivers: list[dict[str, Any]]


class DiffSide(SQLModel):
    """One of two releases that are compared."""

    id: ReleaseId
    number: int
    semver: str
    rows: int | None


class DiffRead(SQLModel):
    """How two releases differ. `state`: ready, making (see `job_id`), not-made (ask for it), failed.

    `counts`: rows added, removed, changed, kept; changed cells `by_column`. `sample`: rows with their cells before and after,
    empty unless `shows_values`. `changes`: of the schema.
    """

    dataset_id: DatasetId
    state: str
    older: DiffSide
    newer: DiffSide
    job_id: JobId | None
    shows_values: bool
    counts: dict[str, Any] | None
    sample: list[dict[str, Any]]
    changes: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """`counts` tell numbers and names of columns alone; `sample` holds values of cells."""

    counts: dict[str, Any]
    sample: list[dict[str, Any]]
