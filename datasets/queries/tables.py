"""What is stored of queries. Answers are never deleted: later questions are held against them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class QueryTermsRow(SQLModel, table=True):
    """One version of a dataset's terms for queries; the highest version is in force. `lists` and `bounds` are JSON text."""

    __tablename__ = "datasets_query_terms"
    __table_args__ = (UniqueConstraint("dataset_id", "version"),)
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    version: int
    contributor: str | None = Field(default=None, max_length=200)
    lists: str = "{}"
    guards_all: bool = False
    bounds: str = "{}"
    per_contributor: int | None = None
    reason: str = Field(max_length=500)
    set_by: str
    set_person: str = ""
    set_name: str
    set_at: datetime = Field(sa_type=UtcDateTime)


class AnswerRow(SQLModel, table=True):
    """One question that was evaluated. `query`, `answer` are JSON text; `query_hash` names the normalised question."""

    __tablename__ = "datasets_query_answer"
    __table_args__ = (
        Index(None, "org_id", "dataset_id", "release_id"),
        Index(None, "query_hash", "form"),
    )
    id: str = Field(primary_key=True)
    form: str = Field(max_length=40)
    state: str = Field(max_length=20, index=True)
    grant_id: str = Field(index=True)
    application_id: str
    dataset_id: str = Field(index=True)
    release_id: str = Field(foreign_key="datasets_release.id", index=True)
    release_number: int
    org_id: str
    account_id: str
    person_id: str
    asked_name: str
    asked_at: datetime = Field(sa_type=UtcDateTime, index=True)
    purpose: str
    scenario_id: str
    query: str
    query_hash: str = Field(max_length=64)
    answer: str = "{}"
    epsilon_micro: int = Field(default=0, sa_type=BigInteger)


class RowSetRow(SQLModel, table=True):
    """A set of rows of a release as a Roaring bitmap of their places, once for equal sets."""

    __tablename__ = "datasets_query_row_set"
    digest: str = Field(primary_key=True, max_length=64)
    places: bytes = Field(sa_type=LargeBinary)


class CellRow(SQLModel, table=True):
    """A figure that was answered: which rows it was made of. `measure`: its chain, `asked`, `count`, `sum:` or `if:` and the column.

    `partition`: figures of one answer and measure never share a row; they have the same one.
    """

    __tablename__ = "datasets_query_cell"
    __table_args__ = (Index(None, "dataset_id", "release_id", "measure"),)
    id: str = Field(primary_key=True)
    answer_id: str = Field(foreign_key="datasets_query_answer.id", index=True)
    org_id: str
    dataset_id: str
    release_id: str
    measure: str = Field(max_length=220)
    partition: str = Field(max_length=64)
    digest: str = Field(foreign_key="datasets_query_row_set.digest", max_length=64, index=True)
