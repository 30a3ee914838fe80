"""What is stored of revocations."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Field

from auth.casework.tables import CaseFields
from core.db import UtcDateTime


class RevocationRow(CaseFields, table=True):
    """One revoked grant. `confirm_by`: until when a second person is to answer; `bar_until`: the first day on which the holder may
    apply again, none without a bar; `bar_scope`: for what: the grant's dataset, those of `bar_datasets` (JSON) too, or everything;
    `evidence_sha256`: of the file that proves it, kept elsewhere."""

    __tablename__ = "auth_revocation"
    grant_id: str = Field(foreign_key="auth_grant.id", unique=True)
    application_id: str
    org_id: str = Field(index=True)
    dataset_id: str = Field(index=True)
    department_id: str = Field(index=True)
    reason: str = Field(max_length=2000)
    evidence: str = Field(default="", max_length=2000)
    evidence_sha256: str = Field(default="", max_length=64)
    bar_until: date | None = None
    bar_scope: str = Field(default="dataset", max_length=20, sa_column_kwargs={"server_default": "dataset"})
    bar_datasets: str = Field(default="[]", sa_column_kwargs={"server_default": "[]"})
    confirm_by: datetime = Field(sa_type=UtcDateTime, index=True)
