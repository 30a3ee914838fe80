"""What is stored of hidden marks: which columns a dataset's steward allows them in, and how far. Every version is kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class MarkTermsRow(SQLModel, table=True):
    """One version; the highest is in force. `columns`: the tolerance of each column, in its own unit."""

    __tablename__ = "datasets_mark_terms"
    __table_args__ = (UniqueConstraint("dataset_id", "version"),)
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    version: int
    columns: dict[str, float] = Field(default_factory=dict, sa_type=JSON)
    reason: str = Field(max_length=500)
    set_by: str
    set_name: str
    set_at: datetime = Field(sa_type=UtcDateTime)
