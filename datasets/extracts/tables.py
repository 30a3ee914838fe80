"""Extract rows. They are never deleted: a receipt cites them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from core.rows import EventfulRow


class ExtractRow(EventfulRow, table=True):
    """One file made for one grant from one release. `columns`, `row_filter`, `receipt` are JSON text.

    `asked_under`: the grant under which it was asked for, where it goes on under an amendment of that. `checked_by`: how many people reviewed it before it left. Until then it has neither digest nor receipt.
    """

    __tablename__ = "datasets_extract"
    id: str = Field(primary_key=True)
    grant_id: str = Field(index=True)
    asked_under: str | None = None
    application_id: str
    dataset_id: str = Field(index=True)
    release_id: str = Field(foreign_key="datasets_release.id", index=True)
    release_number: int
    org_id: str = Field(index=True)
    requested_by: str
    requested_name: str
    person_id: str
    state: str = Field(index=True)
    columns: str
    row_filter: str | None = None
    purpose: str
    scenario_id: str
    form: str
    policy_hash: str
    job_id: str | None = None
    rows: int | None = Field(default=None, sa_type=BigInteger)
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    sha256: str | None = Field(default=None, index=True)
    receipt: str | None = None
    receipt_hash: str | None = None
    checked_by: int = 0
    failed_zh: str = ""
    failed_en: str = ""
    requested_at: datetime = Field(sa_type=UtcDateTime, index=True)
    ready_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    downloads: int = 0
    bytes_sent: int = Field(default=0, sa_type=BigInteger)
    last_download_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class DownloadTicketRow(SQLModel, table=True):
    """Leave to fetch one extract once, without signing in. `token_hash` is the SHA-256 of what stands in its address.

    `via`, `session_id`, `epoch`: the proof that its owner asked with; the ticket ends with it.
    """

    __tablename__ = "datasets_download_ticket"
    id: str = Field(primary_key=True)
    token_hash: str = Field(unique=True, max_length=64)
    extract_id: str = Field(foreign_key="datasets_extract.id", index=True)
    account_id: str = Field(index=True)
    via: str = Field(max_length=20)
    session_id: str | None = None
    epoch: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
