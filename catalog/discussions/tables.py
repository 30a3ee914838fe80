"""What is stored of discussions. Readers are not told who wrote, only whether it was the department."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from catalog.discussions.workflow import ThreadState
from core.db import UtcDateTime


class PostRow(SQLModel, table=True):
    """A thread's head (`thread_id` is its own id), or a reply. `hidden_reason`: why moderation took the text from sight."""

    __tablename__ = "catalog_post"
    id: str = Field(primary_key=True, max_length=40)
    thread_id: str = Field(max_length=40, index=True)
    dataset_id: str = Field(max_length=80, index=True, foreign_key="catalog_dataset.id")
    kind: str = Field(max_length=20)
    release_number: int | None = None
    body: str = Field(max_length=4000)
    by_department: bool = False
    author: dict[str, Any] = Field(sa_type=JSON)
    person_id: str = Field(max_length=80, index=True)
    posted_at: datetime = Field(sa_type=UtcDateTime, index=True)
    state: str = Field(default=ThreadState.OPEN, max_length=20, index=True)
    hidden_reason: str = Field(default="", max_length=500)
