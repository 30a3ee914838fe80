"""What is stored of links."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from datasets.links.rules import Outcome


class LinkLookRow(SQLModel, table=True):
    """One address and what it said when it was last asked. `key`: the address's digest. `since`: when the outcome became what it is;
    `failures`: looks in a row that did not find it good; `etag`, `last_modified`: what it is asked with the next time."""

    __tablename__ = "datasets_link"
    key: str = Field(primary_key=True, max_length=64)
    url: str = Field(max_length=2000)
    host: str = Field(max_length=255, index=True)
    outcome: str = Field(default=Outcome.NEW, max_length=10, index=True)
    status: int | None = None
    said_zh: str = Field(default="", max_length=500)
    said_en: str = Field(default="", max_length=500)
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_good: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime, index=True)
    failures: int = 0
    etag: str = Field(default="", max_length=500)
    last_modified: str = Field(default="", max_length=100)


class LinkUseRow(SQLModel, table=True):
    """Which record holds the address, and as what: `page`, `resource` or `reuse`."""

    __tablename__ = "datasets_link_use"
    key: str = Field(primary_key=True, max_length=64, foreign_key="datasets_link.key")
    dataset_id: str = Field(primary_key=True, max_length=80, index=True, foreign_key="catalog_dataset.id")
    place: str = Field(primary_key=True, max_length=10)
