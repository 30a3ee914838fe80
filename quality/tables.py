"""Suites and verdicts as stored. A version of a suite never changes; a verdict never changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class SuiteVersionRow(SQLModel, table=True):
    """One version of a dataset's suite; the highest number is in force. `suite` is Great Expectations' own form.

    `dataset_id`: the dataset, or `service.subject_of` it for the suite that its extracts are judged by.
    """

    __tablename__ = "quality_suite_version"
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    number: int
    name: str = Field(max_length=300)
    suite: dict[str, Any] = Field(sa_type=JSON)
    sha256: str = Field(max_length=64)
    note: str = Field(default="", max_length=2000)
    created_by: str
    created_name: str
    created_at: datetime = Field(sa_type=UtcDateTime)


class VerdictRow(SQLModel, table=True):
    """What one version of a suite said of one content. `content_sha256` is the digest of the table's values.

    `batch_id`: the batch, or the extract that was judged before it was handed out. `scheme_number`: the version of the
    scoring scheme by which it is scored, now and for ever; 0 is the shipped one.
    """

    __tablename__ = "quality_verdict"
    id: str = Field(primary_key=True)
    content_sha256: str = Field(index=True, max_length=64)
    batch_id: str = Field(index=True, max_length=80)
    suite_version_id: str = Field(foreign_key="quality_suite_version.id", index=True)
    verdict: str = Field(max_length=10)
    engine: str = Field(max_length=20)
    result: dict[str, Any] = Field(sa_type=JSON)
    scheme_number: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: datetime = Field(sa_type=UtcDateTime)
