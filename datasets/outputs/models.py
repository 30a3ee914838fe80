"""What callers send about output reviews and what we promise to answer."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from core.ids import DatasetId, GrantId
from datasets.batches.models import Command
from datasets.outputs.workflow import OutputState


class OutputRelease(SQLModel):
    """Vote for release. `note` is needed where the checks ask for a reason; `version` is the review's that was seen."""

    model_config = {"extra": "forbid"}

    note: str = Field(default="", max_length=2000)
    version: int | None = None


class OutputRefuse(SQLModel):
    """Vote against release, with the code of a reason."""

    model_config = {"extra": "forbid"}

    refusal: str = Field(max_length=40)
    note: str = Field(default="", max_length=2000)
    version: int | None = None


class OutputVoteRead(SQLModel):
    """One vote. Until all have spoken a checker sees his own alone."""

    name_zh: str
    name_en: str
    releases: bool
    refusal: str
    note: str
    at: datetime


class OutputRead(SQLModel):
    """One file under review."""

    id: str
    kind: str
    subject_id: str
    dataset_id: DatasetId
    department_id: str
    org_id: str
    grant_id: GrantId
    application_id: str
    release_id: str
    release_number: int
    form: str
    level: int
    purpose: str
    needed: int
    voted: int
    rows: int
    size_bytes: int
    columns: list[str]
    findings: list[dict[str, Any]]
    state: OutputState
    opened_at: datetime
    due_on: date
    is_overdue: bool
    decided_at: datetime | None
    refusal: str
    note: str
    version: int


class OutputDetail(OutputRead):
    """The same with the votes that the reader may know of, what he may do, and whether he has seen the file in this review."""

    has_looked: bool
    votes: list[OutputVoteRead]
    commands: list[Command]


class SampleRead(SQLModel):
    """The first rows of the file as it would leave, for a checker; of a result of the enclave all."""

    columns: list[str]
    items: list[list[str | None]]
    total: int
