"""What is stored of a batch. Nothing here is ever deleted; the handed-in bytes stay in the file store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.batches.workflow import BatchState


class BatchRow(SQLModel, table=True):
    """One handed-in file. `sha256` names the bytes as received, `typed_sha256` the typed table made of them,
    `content_sha256` its values whatever the encoding,
    `untyped_sha256` and `untyped_csv_sha256` the list of cells that their types cannot hold, where there are any. `split_from`: the batch of the archive that this one is a member of. `scan`: what the malware scanner said of the
    bytes as they came, and when they were shown to it. `preparers` are person ids, for the two-person rule."""

    __tablename__ = "datasets_batch"
    __table_args__ = (UniqueConstraint("dataset_id", "number"),)
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    org_id: str = Field(index=True, max_length=80)
    number: int
    name: str = Field(max_length=255)
    sha256: str = Field(index=True, max_length=64)
    size_bytes: int = Field(sa_type=BigInteger)
    state: str = Field(default=BatchState.RECEIVED, index=True, max_length=30)
    corrects: str | None = Field(default=None, index=True)
    is_row_correction: bool = False
    split_from: str | None = Field(default=None, index=True)
    options: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    submitted: dict[str, Any] = Field(sa_type=JSON)
    submitted_at: datetime = Field(sa_type=UtcDateTime, index=True)
    preparers: list[str] = Field(default_factory=list, sa_type=JSON)
    scan: str = Field(default="", max_length=20, sa_column_kwargs={"server_default": ""})
    scanned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    job_id: str | None = None
    typed_sha256: str | None = Field(default=None, max_length=64)
    untyped_sha256: str | None = Field(default=None, max_length=64)
    untyped_csv_sha256: str | None = Field(default=None, max_length=64)
    content_sha256: str | None = Field(default=None, max_length=64)
    dictionary_sha256: str | None = Field(default=None, max_length=64)
    rows: int | None = Field(default=None, sa_type=BigInteger)
    untyped_cells: int | None = Field(default=None, sa_type=BigInteger)
    intake: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    verdict_id: str | None = None
    verdict: str | None = Field(default=None, max_length=10)
    suite_version_id: str | None = None
    suite_number: int | None = None
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    confirmed: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    confirmed_note: str = Field(default="", max_length=2000)
    closed: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    closed_note: str = Field(default="", max_length=2000)
    waivers: list[dict[str, Any]] = Field(
        default_factory=list, sa_type=JSON, sa_column_kwargs={"server_default": "[]"}
    )
    version: int = 1

    @property
    def member(self) -> str | None:
        """The member of the archive that it was told to be, or the pattern of several."""
        return (self.options or {}).get("member")
