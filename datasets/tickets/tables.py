"""What is stored of tickets: the ticket, what happened to it, every failure of a rule, and proposals to mend the source."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.tickets.workflow import TicketState


class TicketRow(SQLModel, table=True):
    """One rule that a dataset's batches fail, until somebody has confirmed that it is settled.

    `org_id` is the source department; `assignee_org` whose turn it is. `answered` is empty where a check answered.
    """

    __tablename__ = "datasets_ticket"
    id: str = Field(primary_key=True)
    number: int = Field(unique=True)
    dataset_id: str = Field(index=True, max_length=80)
    org_id: str = Field(index=True, max_length=80)
    rule_key: str = Field(index=True, max_length=120)
    rule_digest: str = Field(max_length=64)
    rule_zh: str
    rule_en: str
    severity: str = Field(max_length=10)
    state: str = Field(default=TicketState.OPEN, index=True, max_length=20)
    opened_at: datetime = Field(sa_type=UtcDateTime, index=True)
    batch_id: str = Field(index=True)
    failing_rows: int | None = Field(default=None, sa_type=BigInteger)
    checked_rows: int | None = Field(default=None, sa_type=BigInteger)
    times: int = 1
    due_on: date = Field(index=True)
    overdue_noted_on: date | None = None
    assignee_org: str = Field(index=True, max_length=80)
    assignee_id: str | None = Field(default=None, index=True)
    assignee: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    answer: str | None = Field(default=None, max_length=20)
    answer_note: str = Field(default="", max_length=2000)
    answered: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mended_by: str | None = None
    closed: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    previous_id: str | None = None
    version: int = 1


class TicketEventRow(SQLModel, table=True):
    """Something that was done to a ticket, or said about it; never changed."""

    __tablename__ = "datasets_ticket_event"
    id: str = Field(primary_key=True)
    ticket_id: str = Field(foreign_key="datasets_ticket.id", index=True)
    at: datetime = Field(sa_type=UtcDateTime)
    step: str = Field(max_length=20)
    who: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    note: str = Field(default="", max_length=2000)
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class RuleFailureRow(SQLModel, table=True):
    """One rule that one check of one batch failed. `followed_by`: the batch whose check came after it, mended or not."""

    __tablename__ = "datasets_rule_failure"
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    rule_key: str = Field(index=True, max_length=120)
    batch_id: str = Field(index=True)
    verdict_id: str
    ticket_id: str | None = Field(default=None, foreign_key="datasets_ticket.id", index=True)
    waiver_id: str | None = None
    at: datetime = Field(sa_type=UtcDateTime)
    severity: str = Field(max_length=10)
    failing_rows: int | None = Field(default=None, sa_type=BigInteger)
    checked_rows: int | None = Field(default=None, sa_type=BigInteger)
    followed_by: str | None = None
    is_mended: bool = False


class UpstreamFixRow(SQLModel, table=True):
    """A proposal to mend where the data come from, made because a rule keeps failing (举一反三). `seen_number`: the
    dataset's last batch when it was made or last decided."""

    __tablename__ = "datasets_upstream_fix"
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    org_id: str = Field(index=True, max_length=80)
    rule_key: str = Field(index=True, max_length=120)
    rule_zh: str
    rule_en: str
    state: str = Field(default="proposed", index=True, max_length=20)
    failed: int
    of: int
    seen_number: int
    proposed_at: datetime = Field(sa_type=UtcDateTime)
    planned_on: date | None = None
    note: str = Field(default="", max_length=2000)
    decided: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1
