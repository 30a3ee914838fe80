"""What is stored of a release. Rows are never deleted; a withdrawn release stays as its tombstone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.releases.workflow import ReleaseState


class ReleaseRow(SQLModel, table=True):
    """One version of a dataset. `sha256` names the Parquet file; `content_sha256` its values, which the verdict names too.

    `columns`: with type and dictionary words. `csv_sha256` only for data open without condition.
    `shape`: what consumers rely on (`schema_rules`); `changes`: how it differs from `compared_to`; `semver` follows from them.
    `signing_key`: id of the key that signed the manifest; none on releases made before signing. `partitions`: the same rows
    once more, in files of one period each. `verdict_salt`: of the verdict's document that the manifest names.
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
    semver: str | None = Field(default=None, max_length=40)
    shape: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    changes: list[dict[str, Any]] | None = Field(default=None, sa_type=JSON)
    compared_to: str | None = None
    signing_key: str | None = Field(default=None, max_length=20)
    partitions: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    verdict_salt: str | None = Field(default=None, max_length=32)
    retired: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    retired_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    waivers: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"}
    )


class ReleaseDiffRow(SQLModel, table=True):
    """The difference of two releases, kept because releases never change. `counts` hold no value of any cell; `sample` does."""

    __tablename__ = "datasets_release_diff"
    older_id: str = Field(primary_key=True, foreign_key="datasets_release.id")
    newer_id: str = Field(primary_key=True, foreign_key="datasets_release.id")
    dataset_id: str = Field(index=True, max_length=80)
    job_id: str | None = None
    made_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    counts: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    sample: list[dict[str, Any]] | None = Field(default=None, sa_type=JSON)


class RetentionRow(SQLModel, table=True):
    """How long superseded releases of a dataset keep their files; a dataset without a row keeps them all."""

    __tablename__ = "datasets_retention"
    dataset_id: str = Field(primary_key=True, max_length=80)
    keep_last: int
    keep_years: int
    by_clock: bool = False
    looked_on: date | None = None
    set_by: dict[str, Any] = Field(sa_type=JSON)
    set_at: datetime = Field(sa_type=UtcDateTime)


class OpenFileRow(SQLModel, table=True):
    """A release that is open to everybody in one of the further forms; `state`: building, ready, failed. Retired with its release."""

    __tablename__ = "datasets_open_file"
    id: str = Field(primary_key=True, max_length=120)
    release_id: str = Field(foreign_key="datasets_release.id", index=True)
    form: str = Field(max_length=20)
    state: str = Field(max_length=20)
    job_id: str | None = None
    sha256: str | None = Field(default=None, max_length=64, index=True)
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    failed_zh: str = ""
    failed_en: str = ""
    requested_at: datetime = Field(sa_type=UtcDateTime)
    made_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
