"""What is stored of grants: the grant with its agreed policy, its history, and every charge."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class GrantRow(SQLModel, table=True):
    """One grant. `policy` is the agreed canonical JSON; `approved_by` a JSON list of the persons who decided.

    Quotas stand beside what was used, so that one conditional UPDATE charges exactly.
    """

    __tablename__ = "auth_grant"
    __table_args__ = (
        CheckConstraint("used_extracts >= 0 AND used_rows >= 0 AND used_bytes >= 0", name="used"),
    )
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    line_id: str = Field(foreign_key="auth_application_line.id", unique=True)
    org_id: str = Field(index=True)
    dataset_id: str = Field(index=True)
    department_id: str = Field(index=True)
    title_zh: str
    title_en: str
    state: str = Field(index=True)
    policy: str
    policy_hash: str = Field(max_length=64)
    agreement_hash: str = Field(max_length=64, index=True)
    approved_by: str
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
    quota_extracts: int | None = Field(default=None, sa_type=BigInteger)
    quota_rows: int | None = Field(default=None, sa_type=BigInteger)
    quota_bytes: int | None = Field(default=None, sa_type=BigInteger)
    used_extracts: int = Field(default=0, sa_type=BigInteger)
    used_rows: int = Field(default=0, sa_type=BigInteger)
    used_bytes: int = Field(default=0, sa_type=BigInteger)
    version: int = 1
    note: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    activated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class GrantEventRow(SQLModel, table=True):
    """One step of a grant, with the person and organisation as they were; `version` is the one it led to, and the order."""

    __tablename__ = "auth_grant_event"
    id: str = Field(primary_key=True)
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    version: int
    step: str
    from_state: str
    to_state: str
    person_id: str
    account_id: str
    org_id: str | None = None
    note: str = ""
    at: datetime = Field(sa_type=UtcDateTime)


class UsageEventRow(SQLModel, table=True):
    """One charge or refund; refunds carry negative numbers, so that the sum over events is what was used."""

    __tablename__ = "auth_usage_event"
    id: str = Field(primary_key=True)
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    kind: str = Field(max_length=20)
    extracts: int = Field(default=0, sa_type=BigInteger)
    rows: int = Field(default=0, sa_type=BigInteger)
    bytes: int = Field(default=0, sa_type=BigInteger)
    subject: str = Field(default="", index=True, max_length=120)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
