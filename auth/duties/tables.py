"""What is stored of duties."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from auth.casework.tables import CaseFields
from core.db import UtcDateTime


class DutyRow(CaseFields, table=True):
    """One duty of one grant; `period` is `end`, `P1`, `P2` … (periodic) or `R1` … (handed in early). `attachments`, `deleted`: JSON."""

    __tablename__ = "auth_duty"
    __table_args__ = (UniqueConstraint("grant_id", "kind", "period"),)
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    org_id: str = Field(index=True, max_length=60)
    department_id: str = Field(index=True, max_length=60)
    dataset_id: str = Field(max_length=120)
    title_zh: str
    title_en: str
    kind: str = Field(max_length=30)
    period: str = Field(max_length=10)
    due_on: date = Field(index=True)
    text: str = ""
    attachments: str = "[]"
    deleted: str = Field(default="[]", sa_column_kwargs={"server_default": "[]"})
    fulfilled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    waiver: str = ""
