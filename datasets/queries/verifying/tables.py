"""What is stored of verifications: pseudonyms of keys and claims, never their values."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class VerificationRow(SQLModel, table=True):
    """One question about one record. `day`: local; `claim`: column and comparison; `claim_digest`: with its value, under a key.

    `key_columns`: which columns name the subject, joined by commas; empty on questions asked before this was kept.
    """

    __tablename__ = "datasets_query_verification"
    __table_args__ = (
        Index(None, "org_id", "dataset_id", "subject"),
        Index(None, "org_id", "dataset_id", "day"),
    )
    id: str = Field(primary_key=True)
    grant_id: str = Field(index=True)
    application_id: str
    dataset_id: str = Field(index=True, max_length=80)
    release_id: str = Field(foreign_key="datasets_release.id", index=True)
    release_number: int
    org_id: str = Field(index=True, max_length=80)
    account_id: str
    asked_name: str
    asked_at: datetime = Field(sa_type=UtcDateTime, index=True)
    day: date
    subject: str = Field(max_length=32)
    key_columns: str = ""
    claim: str = Field(max_length=220)
    claim_digest: str = Field(max_length=32)
    consent_reference: str = Field(max_length=120)
    consent_on: date
    consent_until: date
    purpose: str = Field(max_length=80)
    scenario_id: str = Field(max_length=80)
    verified: bool | None = None
