"""What is stored of changes of many records."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class ChangeSetRow(SQLModel, table=True):
    """One change of many records. `source`: edit, file or undo. `undoes`: the set that this one took back, and `undone_by` the other way."""

    __tablename__ = "catalog_change_set"
    id: str = Field(primary_key=True, max_length=40)
    source: str = Field(max_length=20)
    note: str = Field(default="", max_length=2000)
    records: int = 0
    made: dict[str, Any] = Field(sa_type=JSON)
    made_at: datetime = Field(sa_type=UtcDateTime, index=True)
    undoes: str = Field(default="", max_length=40)
    undone_by: str = Field(default="", max_length=40)


class ChangeSetItemRow(SQLModel, table=True):
    """What it did to one record. `fields`: name → [before, after], as JSON. `proposal_id`: where it waits for review, or waited."""

    __tablename__ = "catalog_change_set_item"
    set_id: str = Field(primary_key=True, max_length=40, foreign_key="catalog_change_set.id")
    dataset_id: str = Field(primary_key=True, max_length=80, foreign_key="catalog_dataset.id")
    place: int
    fields: dict[str, Any] = Field(sa_type=JSON)
    proposal_id: str = Field(default="", max_length=40)
