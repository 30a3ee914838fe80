"""What is stored of proposals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from catalog.proposals.workflow import ProposalState
from core.db import UtcDateTime


class ProposalRow(SQLModel, table=True):
    """A wish to publish a draft, or to change what is published.

    `fields`: name → [before, after], as JSON. `dictionary`: the whole dictionary before and after, or nothing.
    `description`: what a client said beyond our fields. `authors`: persons whose work it holds; none of them decides.
    `takes_effect_at`: the moment that the person who accepted it named, if he named one.
    """

    __tablename__ = "catalog_proposal"
    id: str = Field(primary_key=True, max_length=40)
    dataset_id: str = Field(max_length=80, index=True, foreign_key="catalog_dataset.id")
    publisher: str = Field(max_length=60, index=True)
    kind: str = Field(max_length=20)
    state: str = Field(default=ProposalState.OPEN, max_length=20, index=True)
    base_version: int
    fields: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    dictionary: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    description: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    note: str = Field(default="", max_length=2000)
    proposed: dict[str, Any] = Field(sa_type=JSON)
    authors: list[str] = Field(default_factory=list, sa_type=JSON)
    proposed_at: datetime = Field(sa_type=UtcDateTime, index=True)
    decided: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    takes_effect_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    reason: str = Field(default="", max_length=2000)
    version: int = 1
