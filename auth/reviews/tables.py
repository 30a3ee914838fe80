"""What is stored of campaigns, looks at grants, and pilots."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from auth.casework.tables import CaseFields
from core.db import UtcDateTime


class CampaignRow(CaseFields, table=True):
    """One half year's certification; `period` as 2026H1, each once."""

    __tablename__ = "auth_campaign"
    period: str = Field(unique=True, max_length=10)
    due_on: date


class ReviewRow(CaseFields, table=True):
    """One look at one grant. `columns`: JSON, those that are to go; `found`: JSON, the use as it was when the answer was given; texts of an evaluation."""

    __tablename__ = "auth_grant_review"
    __table_args__ = (UniqueConstraint("campaign_id", "grant_id"),)
    kind: str = Field(max_length=20)
    campaign_id: str | None = Field(default=None, foreign_key="auth_campaign.id", index=True, max_length=40)
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    org_id: str = Field(max_length=60)
    department_id: str = Field(index=True, max_length=60)
    dataset_id: str = Field(max_length=120)
    title_zh: str = Field(max_length=300)
    title_en: str = Field(max_length=300)
    due_on: date = Field(index=True)
    narrow_due_on: date | None = None
    columns: str = "[]"
    reason: str = Field(default="", max_length=2000)
    value: str = ""
    complaints: str = ""
    quality: str = ""
    found: str = ""
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class PilotRow(SQLModel, table=True):
    """A grant that is a pilot 试点: it runs shorter and is evaluated before it may be renewed."""

    __tablename__ = "auth_pilot"
    grant_id: str = Field(primary_key=True, foreign_key="auth_grant.id")
    reason: str = Field(max_length=2000)
    marked_by: str
    marked_person: str
    marked_at: datetime = Field(sa_type=UtcDateTime)
