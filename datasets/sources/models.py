"""What callers send about sources and what we promise to answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import SecretStr, field_validator
from sqlmodel import Field, SQLModel

from core.ids import DatasetId, JobId, OrgId
from datasets.batches.models import Who
from datasets.sources.kinds import Config
from datasets.sources.workflow import Outcome, SourceState


class SourceCreate(SQLModel):
    """A source to look into. `schedule`: `manual`, `frequency` (as the record says), `every PT15M` or `daily 06:30`."""

    model_config = {"extra": "forbid"}

    dataset_id: DatasetId = Field(max_length=80)
    name: str = Field(min_length=1, max_length=120)
    config: Config
    schedule: str = Field(default="frequency", max_length=60)
    secret: SecretStr | None = Field(default=None, max_length=2000)

    @field_validator("name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("须为一行可见文字 / must be one line of visible text")
        return value.strip()

    @field_validator("secret")
    @classmethod
    def _plain(cls, value: SecretStr | None) -> SecretStr | None:
        told = value.get_secret_value() if value else ""
        if not told.isprintable() or not told.isascii():
            raise ValueError("只能含可见的 ASCII 字符 / must be visible ASCII")
        return value if told else None


class RunRead(SQLModel):
    """One look. `items`: each file found, with its hash and its batch, or why it was not taken."""

    id: str
    source_id: str
    job_id: JobId | None
    asked_by: Who | None
    asked_at: datetime
    ended_at: datetime | None
    outcome: Outcome
    said: dict[str, str] | None
    items: list[dict[str, Any]]


class SourceRead(SQLModel):
    """A source as its department sees it; the credential is never told, only whether there is one."""

    id: str
    dataset_id: DatasetId
    org_id: OrgId
    name: str
    kind: str
    address: str
    config: dict[str, Any]
    has_secret: bool
    schedule: str
    state: SourceState
    due_at: datetime | None
    failures: int
    paused_why: dict[str, str] | None
    owner: Who
    open_run: str | None
    last_run_at: datetime | None
    last_outcome: Outcome | None
    created_at: datetime
    version: int
    may_write: bool


class Tested(SQLModel):
    """What a trial found. `facts`: what the source tells of itself (types, sizes, columns, file names)."""

    ok: bool
    said: dict[str, str]
    facts: list[dict[str, str]]


class Origin(SQLModel):
    """Where a batch came from by itself."""

    source_id: str
    source_name: str
    run_id: str
    provenance: dict[str, Any]
