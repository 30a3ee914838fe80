"""What every record of casework carries, and the one history of all of them."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class CaseFields(SQLModel):
    """State, version and who made it: the person and organisation as they were then."""

    id: str = Field(primary_key=True, max_length=40)
    state: str = Field(index=True, max_length=20)
    version: int = 1
    note: str = Field(default="", max_length=2000)
    created_by: str
    created_person: str
    created_org: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class CaseEventRow(SQLModel, table=True):
    """One step of one record, with the person and organisation as they were then; `version` is the one it led to, and the order."""

    __tablename__ = "auth_case_event"
    id: str = Field(primary_key=True)
    case_kind: str = Field(max_length=40)
    case_id: str = Field(index=True, max_length=40)
    version: int
    step: str = Field(max_length=40)
    from_state: str = Field(default="", max_length=20)
    to_state: str = Field(max_length=20)
    person_id: str
    account_id: str
    actor_name: str = ""
    org_id: str | None = None
    note: str = Field(default="", max_length=2000)
    at: datetime = Field(sa_type=UtcDateTime)
