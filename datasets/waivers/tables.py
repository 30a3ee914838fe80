"""What is stored of a waiver. Rows are never deleted, and their terms never change."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.waivers.workflow import WaiverState


class WaiverRow(SQLModel, table=True):
    """A rule of a dataset that may fail until `valid_to` (its last day, in China's time), and who answers for it.

    `rule_digest` pins type and arguments: a changed rule is another rule. `max_share` runs from 0 to 1.
    """

    __tablename__ = "datasets_waiver"
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    org_id: str = Field(index=True, max_length=80)
    ticket_id: str | None = Field(default=None, foreign_key="datasets_ticket.id", index=True)
    rule_key: str = Field(index=True, max_length=120)
    rule_digest: str = Field(max_length=64)
    rule_type: str = Field(max_length=120)
    rule_zh: str
    rule_en: str
    severity: str = Field(max_length=10)
    reason: str = Field(max_length=2000)
    max_count: int | None = Field(default=None, sa_type=BigInteger)
    max_share: float | None = None
    valid_to: date
    state: str = Field(default=WaiverState.PROPOSED, index=True, max_length=20)
    signed: dict[str, Any] = Field(sa_type=JSON)
    signed_at: datetime = Field(sa_type=UtcDateTime)
    seconded: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    seconded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    second_note: str = Field(default="", max_length=2000)
    ended: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_note: str = Field(default="", max_length=2000)
    version: int = 1
