"""What is stored of messages: one row for each reader, how he wants to be told, and which reminders went out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from core.rows import EventfulRow


class MessageRow(EventfulRow, table=True):
    """One message to one account. `once` names what happened, so that nobody is told twice.

    `facts`: ids, states, days and counts alone; never a note, a comment or a value of a cell.
    """

    __tablename__ = "auth_message"
    __table_args__ = (UniqueConstraint("account_id", "once"),)
    id: str = Field(primary_key=True)
    account_id: str = Field(index=True)
    kind: str = Field(index=True, max_length=60)
    subject: str = Field(max_length=120)
    href: str = Field(max_length=300)
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    once: str = Field(max_length=300)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    read_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class MessagePreferenceRow(SQLModel, table=True):
    """How an account wants to be told of a group of kinds; without a row: in the inbox and, with an address, by e-mail."""

    __tablename__ = "auth_message_preference"
    account_id: str = Field(primary_key=True)
    topic: str = Field(primary_key=True, max_length=30)
    in_app: bool = True
    by_mail: bool = True


class MessageAddressRow(SQLModel, table=True):
    """Where an account's e-mail goes, and in which language."""

    __tablename__ = "auth_message_address"
    account_id: str = Field(primary_key=True)
    email: str = Field(max_length=254)
    lang: str = Field(default="zh", max_length=2)


class ReminderRow(SQLModel, table=True):
    """A reminder that went out: about what, that ends when, how many days before."""

    __tablename__ = "auth_reminder"
    kind: str = Field(primary_key=True, max_length=30)
    subject: str = Field(primary_key=True, max_length=160)
    ends_on: date = Field(primary_key=True)
    days_before: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    told: int = 0
