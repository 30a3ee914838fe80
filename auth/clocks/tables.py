"""What is stored about time: who signed for a submission, extensions, and every escalation that was sent."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class ReceiptRow(SQLModel, table=True):
    """A submission that the bureau has signed for, once per turn."""

    __tablename__ = "auth_clock_receipt"
    application_id: str = Field(primary_key=True, foreign_key="auth_application.id")
    turn: int = Field(primary_key=True)
    account_id: str
    person_id: str
    signed_by: str
    at: datetime = Field(sa_type=UtcDateTime)


class ExtensionRow(SQLModel, table=True):
    """More working days asked for a stage. `state`: asked, approved, refused; the second person decides."""

    __tablename__ = "auth_clock_extension"
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    turn: int
    stage: str = Field(max_length=20)
    working_days: int
    reason: str
    state: str = Field(default="asked", index=True, max_length=20)
    asked_by: str
    asked_by_person: str
    asked_at: datetime = Field(sa_type=UtcDateTime)
    decided_by: str = ""
    decided_by_person: str = ""
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    note: str = ""


class EscalationRow(SQLModel, table=True):
    """One level told about one overdue clock; the key lets it happen once only. `told`: accounts that were told."""

    __tablename__ = "auth_clock_escalation"
    __table_args__ = (UniqueConstraint("application_id", "stage", "due_on", "level"),)
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    stage: str = Field(max_length=20)
    due_on: date
    level: int
    at: datetime = Field(sa_type=UtcDateTime)
    told: list[str] = Field(default_factory=list, sa_type=JSON)
