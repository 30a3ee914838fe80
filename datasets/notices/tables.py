"""Who follows which dataset, and what there is to tell. One row per event, not per reader: what is new to a follower is what
happened after he began to follow, and after he last looked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class FollowRow(SQLModel, table=True):
    """An account follows a dataset. `read_at`: when it last said that it has read its notices."""

    __tablename__ = "datasets_follow"
    account_id: str = Field(primary_key=True)
    dataset_id: str = Field(primary_key=True, max_length=80)
    since: datetime = Field(sa_type=UtcDateTime)
    read_at: datetime = Field(sa_type=UtcDateTime)


class NoticeRow(SQLModel, table=True):
    """Something that followers want to know. `facts`: counts and names, never a value of a cell."""

    __tablename__ = "datasets_notice"
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    kind: str = Field(max_length=20)
    release_id: str | None = None
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
