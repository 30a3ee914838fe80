"""What is stored of self-checks: each that was handed in, as it stood, with its digest. Rows are only added."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class SelfCheckRow(SQLModel, table=True):
    """One self-check that was handed in. `subject`: `platform`, or the organisation's id; `document`: canonical JSON, of which `sha256` is the digest."""

    __tablename__ = "auth_self_check"
    id: str = Field(primary_key=True, max_length=40)
    subject: str = Field(index=True, max_length=60)
    document: str
    sha256: str = Field(max_length=64)
    passed: int
    failed: int
    not_applicable: int
    kept_by: str
    kept_at: datetime = Field(sa_type=UtcDateTime)
