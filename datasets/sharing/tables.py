"""What is stored of reading in place."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ColumnElement, or_
from sqlmodel import Field, SQLModel, col, select

from core.db import UtcDateTime


class ViewRow(SQLModel, table=True):
    """One grant's view of one release: a cache entry. `id` is the digest of all that it was made from (`rules.view_id`).

    `delta_schema` is the Spark form of the file's schema, as JSON text. `marks`: the columns that bear hidden marks, by tolerance; they are
    under a key of the view's own. A dropped view keeps its row and loses its file.
    """

    __tablename__ = "datasets_view"
    id: str = Field(primary_key=True, max_length=64)
    grant_id: str = Field(index=True)
    application_id: str
    dataset_id: str = Field(index=True)
    org_id: str = Field(index=True)
    release_id: str = Field(foreign_key="datasets_release.id", index=True)
    release_number: int
    policy_hash: str = Field(max_length=64)
    state: str = Field(index=True, max_length=20)
    job_id: str | None = None
    requested_by: str
    requested_at: datetime = Field(sa_type=UtcDateTime)
    ready_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_read_at: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)
    sha256: str | None = Field(default=None, max_length=64, index=True)
    rows: int | None = Field(default=None, sa_type=BigInteger)
    size_bytes: int | None = Field(default=None, sa_type=BigInteger)
    delta_schema: str = ""
    marks: dict[str, float] = Field(
        default_factory=dict, sa_type=JSON, sa_column_kwargs={"server_default": "{}"}
    )
    failed_zh: str = ""
    failed_en: str = ""
    dropped_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class ViewUseRow(SQLModel, table=True):
    """That a view was read on a local day: the day's first reading is charged, the others are not."""

    __tablename__ = "datasets_view_use"
    view_id: str = Field(primary_key=True, foreign_key="datasets_view.id", max_length=64)
    day: str = Field(primary_key=True, max_length=10)
    charged_at: datetime = Field(sa_type=UtcDateTime)


def was_read() -> ColumnElement[bool]:
    """That a view's bytes left, or were about to: written before the first of them. Its `last_read_at` comes after the last,
    so it misses a reading that still runs, and one that ended with its server."""
    return or_(col(ViewRow.id).in_(select(ViewUseRow.view_id)), col(ViewRow.last_read_at).is_not(None))


class ShareKeyRow(SQLModel, table=True):
    """An API key that reads one grant for one purpose. `id` is the key's id."""

    __tablename__ = "datasets_share_key"
    id: str = Field(primary_key=True)
    grant_id: str = Field(index=True)
    account_id: str = Field(index=True)
    purpose: str = Field(max_length=80)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
