"""What is stored of papers: one row for each that an application needs, the files, the commitments."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from auth.casework.tables import CaseFields
from core.db import UtcDateTime


class PaperRow(CaseFields, table=True):
    """One paper of one application, with the rule as it was when the application was submitted.

    `later_days`: working days that it may follow after screening; `promise`: the commitment's wording as JSON, empty: none may be signed;
    `departments`: whose data the application is about, as JSON; `due_on`: its last day while it is to follow.
    """

    __tablename__ = "auth_paper"
    __table_args__ = (UniqueConstraint("application_id", "key"),)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    org_id: str = Field(index=True)
    key: str = Field(max_length=40)
    title_zh: str = Field(max_length=100)
    title_en: str = Field(max_length=100)
    is_required: bool = True
    later_days: int | None = None
    promise: str = ""
    source: str = Field(default="", max_length=500)
    departments: str = "[]"
    due_on: date | None = Field(default=None, index=True)
    file_id: str | None = None
    commitment_id: str | None = None


class PaperFileRow(SQLModel, table=True):
    """A paper's bytes as handed in, never written again; an earlier version stays. `scan`: not_scanned, clean or infected, since `scanned_at`;
    `scan_found`: the name of what was found."""

    __tablename__ = "auth_paper_file"
    id: str = Field(primary_key=True, max_length=40)
    paper_id: str = Field(foreign_key="auth_paper.id", index=True)
    name: str = Field(max_length=200)
    media_type: str = Field(max_length=80)
    size_bytes: int = Field(sa_type=BigInteger)
    sha256: str = Field(max_length=64)
    content: bytes
    by: str
    at: datetime = Field(sa_type=UtcDateTime)
    scan: str = Field(
        default="not_scanned", max_length=20, sa_column_kwargs={"server_default": "not_scanned"}
    )
    scan_found: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    scanned_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CommitmentRow(CaseFields, table=True):
    """A commitment as it was signed: `document` is canonical JSON, `sha256` its digest; the signer as he was then."""

    __tablename__ = "auth_commitment"
    paper_id: str = Field(foreign_key="auth_paper.id", index=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    org_id: str = Field(index=True)
    departments: str = "[]"
    title_zh: str = Field(max_length=100)
    title_en: str = Field(max_length=100)
    document: str
    sha256: str = Field(max_length=64)
    signer_zh: str = Field(max_length=200)
    signer_en: str = Field(max_length=200)
