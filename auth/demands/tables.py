"""What is stored of stated needs. No contact is kept besides the account that asked."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from auth.casework.tables import CaseFields
from core.db import UtcDateTime


class DemandRow(CaseFields, table=True):
    """One need. `dataset_ids`: JSON, the datasets that the answer points to; `due_on`: the last day to answer; `reply`: the department's, for the bureau alone."""

    __tablename__ = "auth_demand"
    title: str = Field(max_length=120)
    need: str = Field(max_length=2000)
    purpose: str = Field(default="", max_length=500)
    accept_due_on: date
    department_id: str = Field(default="", index=True, max_length=60)
    department_due_on: date | None = None
    reply: str = ""
    due_on: date = Field(index=True)
    outcome: str = Field(default="", max_length=20)
    answer: str = ""
    is_answer_public: bool = True
    dataset_ids: str = "[]"
    answered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    votes: int = 0


class DemandVoteRow(SQLModel, table=True):
    """Somebody else needs it too; each person once."""

    __tablename__ = "auth_demand_vote"
    __table_args__ = (UniqueConstraint("demand_id", "person_id"),)
    id: str = Field(primary_key=True)
    demand_id: str = Field(foreign_key="auth_demand.id", index=True, max_length=40)
    person_id: str
    at: datetime = Field(sa_type=UtcDateTime)
