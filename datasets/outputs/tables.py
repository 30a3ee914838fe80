"""What is stored of output reviews. Rows are never deleted; the file of one that was refused stays, so that the refusal can be judged."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.outputs.workflow import OutputState


class OutputReviewRow(SQLModel, table=True):
    """One file that waits to leave, or did, or must not. `kind`: extract or view; `subject_id` names it there.

    The digest stands here alone until the release: nobody else's row leads to the file before. `findings`, `made`: JSON.
    """

    __tablename__ = "datasets_output_review"
    id: str = Field(primary_key=True)
    kind: str = Field(max_length=20)
    subject_id: str = Field(index=True, max_length=64)
    dataset_id: str = Field(index=True, max_length=80)
    department_id: str = Field(index=True, max_length=80)
    org_id: str = Field(index=True, max_length=80)
    grant_id: str = Field(index=True)
    application_id: str
    release_id: str
    release_number: int
    form: str = Field(max_length=40)
    level: int
    purpose: str = Field(max_length=80)
    needed: int
    sha256: str = Field(max_length=64, index=True)
    rows: int = Field(sa_type=BigInteger)
    size_bytes: int = Field(sa_type=BigInteger)
    columns: list[str] = Field(default_factory=list, sa_type=JSON)
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    made: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    requested_by: str
    person_id: str
    builders: list[str] = Field(default_factory=list, sa_type=JSON)
    approvers: list[str] = Field(default_factory=list, sa_type=JSON)
    state: str = Field(default=OutputState.IN_REVIEW, index=True, max_length=20)
    opened_at: datetime = Field(sa_type=UtcDateTime, index=True)
    due_on: date = Field(index=True)
    overdue_told: bool = False
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refusal: str = Field(default="", max_length=40)
    note: str = Field(default="", max_length=2000)
    version: int = 1


class OutputVoteRow(SQLModel, table=True):
    """What one checker said of one file; never changed. Others hear of it when all have spoken."""

    __tablename__ = "datasets_output_vote"
    __table_args__ = (
        UniqueConstraint("review_id", "person_id", name="uq_datasets_output_vote_review_id_person_id"),
    )
    id: str = Field(primary_key=True)
    review_id: str = Field(foreign_key="datasets_output_review.id", index=True)
    person_id: str = Field(max_length=80)
    who: dict[str, Any] = Field(sa_type=JSON)
    releases: bool
    refusal: str = Field(default="", max_length=40)
    note: str = Field(default="", max_length=2000)
    at: datetime = Field(sa_type=UtcDateTime)


class OutputLookRow(SQLModel, table=True):
    """That a person has seen rows of a file in its review, and how many; the first look stays, the record has each."""

    __tablename__ = "datasets_output_look"
    review_id: str = Field(primary_key=True, foreign_key="datasets_output_review.id")
    person_id: str = Field(primary_key=True, max_length=80)
    sha256: str = Field(max_length=64)
    rows: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
