"""What is stored of reuses."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class ReuseRow(SQLModel, table=True):
    """One suggestion for one dataset. `made_by`: as readers are to see it; `product_id`: a product record of the author's organisation.
    `author`, `decided`: stamps, shown to nobody."""

    __tablename__ = "catalog_reuse"
    id: str = Field(primary_key=True, max_length=40)
    dataset_id: str = Field(max_length=80, index=True, foreign_key="catalog_dataset.id")
    kind: str = Field(max_length=20)
    title: str = Field(max_length=200)
    summary: str = Field(max_length=2000)
    url: str = Field(default="", max_length=2000)
    made_by: str = Field(max_length=200)
    product_id: str = Field(default="", max_length=60)
    author: dict[str, Any] = Field(sa_type=JSON)
    person_id: str = Field(max_length=80, index=True)
    posted_at: datetime = Field(sa_type=UtcDateTime, index=True)
    state: str = Field(max_length=20, index=True)
    decided: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reason: str = Field(default="", max_length=500)
