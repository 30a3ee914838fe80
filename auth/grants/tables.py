"""What is stored of grants: the grant with its agreed policy, its history, and every charge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime
from core.rows import EventfulRow

_EMPTY: Final[dict[str, Any]] = {"server_default": ""}


class GrantRow(SQLModel, table=True):
    """One grant. `policy` is the agreed canonical JSON; `approved_by` a JSON list of the persons who decided.

    Quotas stand beside what was used, so that one conditional UPDATE charges exactly. `carried_…` counts against them too:
    what was used under the grant that this one amends. `used_per_day` counts the local day `used_on`, `used_per_month` the local month `used_in`,
    `used_outputs_per_month` the local month `outputs_in`.
    """

    __tablename__ = "auth_grant"
    __table_args__ = (
        CheckConstraint("used_extracts >= 0 AND used_rows >= 0 AND used_bytes >= 0", name="used"),
    )
    id: str = Field(primary_key=True)
    application_id: str = Field(foreign_key="auth_application.id", index=True)
    line_id: str = Field(foreign_key="auth_application_line.id", unique=True)
    org_id: str = Field(index=True)
    dataset_id: str = Field(index=True)
    department_id: str = Field(index=True)
    title_zh: str
    title_en: str
    state: str = Field(index=True)
    policy: str
    policy_hash: str = Field(max_length=64)
    agreement_hash: str = Field(max_length=64, index=True)
    approved_by: str
    starts_at: datetime = Field(sa_type=UtcDateTime)
    ends_at: datetime = Field(sa_type=UtcDateTime, index=True)
    quota_extracts: int | None = Field(default=None, sa_type=BigInteger)
    quota_rows: int | None = Field(default=None, sa_type=BigInteger)
    quota_bytes: int | None = Field(default=None, sa_type=BigInteger)
    quota_per_day: int | None = Field(default=None, sa_type=BigInteger)
    used_per_day: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    used_on: str = Field(default="", max_length=10, sa_column_kwargs=_EMPTY)
    quota_per_month: int | None = Field(default=None, sa_type=BigInteger)
    used_per_month: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    used_in: str = Field(default="", max_length=7, sa_column_kwargs=_EMPTY)
    quota_outputs_per_month: int | None = Field(default=None, sa_type=BigInteger)
    used_outputs_per_month: int = Field(
        default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    outputs_in: str = Field(default="", max_length=7, sa_column_kwargs=_EMPTY)
    used_extracts: int = Field(default=0, sa_type=BigInteger)
    used_rows: int = Field(default=0, sa_type=BigInteger)
    used_bytes: int = Field(default=0, sa_type=BigInteger)
    succeeds_id: str | None = Field(default=None, foreign_key="auth_grant.id", index=True)
    succession: str = Field(default="new", max_length=20)
    carried_extracts: int = Field(default=0, sa_type=BigInteger)
    carried_rows: int = Field(default=0, sa_type=BigInteger)
    carried_bytes: int = Field(default=0, sa_type=BigInteger)
    version: int = 1
    note: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    activated_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """What a decision reads of a grant, by the names of its columns: to be read and not changed."""

    id: str
    application_id: str
    org_id: str
    dataset_id: str
    department_id: str
    state: str
    policy: str
    policy_hash: str
    starts_at: datetime
    ends_at: datetime
    activated_at: datetime | None
    succeeds_id: str | None
    succession: str
    used_extracts: int
    used_rows: int
    used_bytes: int
    carried_extracts: int
    carried_rows: int
    carried_bytes: int
    used_per_day: int
    used_on: str
    used_per_month: int
    used_in: str
    used_outputs_per_month: int
    outputs_in: str


class GrantEventRow(SQLModel, table=True):
    """One step of a grant, with the person and organisation as they were; `version` is the one it led to, and the order."""

    __tablename__ = "auth_grant_event"
    id: str = Field(primary_key=True)
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    version: int
    step: str
    from_state: str
    to_state: str
    person_id: str
    account_id: str
    org_id: str | None = None
    note: str = ""
    at: datetime = Field(sa_type=UtcDateTime)


class UsageEventRow(EventfulRow, table=True):
    """One line of the usage ledger: who took what, and what it took from the quotas.

    `kind`: charge, delivery (both take), refund (negative numbers), reserved (for a file that waits for its review; negative when that is over),
    download and refused (take nothing), so that the sums of extracts, rows and bytes over a grant's lines are what was used. `sent_bytes` left with a download. `columns` and `reasons`
    are JSON lists; `origin` is a shortened network address. `epsilon_micro`: the privacy budget that was spent by it, in millionths. `duration_ms`: from the request, or
    the attempt at its job, to the line, and of a download to its last byte; null where it would tell of the data (`auth.grants.ledger`), and before it was kept.
    """

    __tablename__ = "auth_usage_event"
    __table_args__ = (
        Index(None, "grant_id", "at"),
        Index(None, "dataset_id", "at"),
        Index(None, "org_id", "at"),
        Index(None, "kind", "at"),
    )
    id: str = Field(primary_key=True)
    grant_id: str = Field(foreign_key="auth_grant.id", index=True)
    kind: str = Field(max_length=20)
    extracts: int = Field(default=0, sa_type=BigInteger)
    rows: int = Field(default=0, sa_type=BigInteger)
    bytes: int = Field(default=0, sa_type=BigInteger)
    sent_bytes: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    epsilon_micro: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    duration_ms: int | None = Field(default=None, sa_type=BigInteger)
    subject: str = Field(default="", index=True, max_length=120)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    org_id: str = Field(default="", sa_column_kwargs=_EMPTY)
    dataset_id: str = Field(default="", sa_column_kwargs=_EMPTY)
    person_id: str = Field(default="", sa_column_kwargs=_EMPTY)
    account: str = Field(default="", index=True, sa_column_kwargs=_EMPTY)
    release_id: str = Field(default="", sa_column_kwargs=_EMPTY)
    release_number: int | None = None
    purpose: str = Field(default="", sa_column_kwargs=_EMPTY)
    scenario_id: str = Field(default="", sa_column_kwargs=_EMPTY)
    form: str = Field(default="", sa_column_kwargs=_EMPTY)
    columns: str = Field(default="[]", sa_column_kwargs={"server_default": "[]"})
    filter_hash: str = Field(default="", sa_column_kwargs=_EMPTY)
    origin: str = Field(default="", sa_column_kwargs=_EMPTY)
    reasons: str = Field(default="[]", sa_column_kwargs={"server_default": "[]"})


class UsageMonthRow(SQLModel, table=True):
    """What one grant used in one local month: the ledger's sums, kept by the same transactions, so that reports need not add up lines.

    What is reserved is left out until it is delivered; what is given back counts in the month in which it was charged.
    """

    __tablename__ = "auth_usage_month"
    grant_id: str = Field(primary_key=True, foreign_key="auth_grant.id")
    month: str = Field(primary_key=True, max_length=7)
    extracts: int = Field(default=0, sa_type=BigInteger)
    rows: int = Field(default=0, sa_type=BigInteger)
    bytes: int = Field(default=0, sa_type=BigInteger)
    sent_bytes: int = Field(default=0, sa_type=BigInteger)
    deliveries: int = Field(default=0, sa_type=BigInteger)
    downloads: int = Field(default=0, sa_type=BigInteger)
    refusals: int = Field(default=0, sa_type=BigInteger)


class UsageColumnRow(SQLModel, table=True):
    """When a grant last delivered a column: a column that is granted and never read is granted too widely."""

    __tablename__ = "auth_usage_column"
    grant_id: str = Field(primary_key=True, foreign_key="auth_grant.id")
    name: str = Field(primary_key=True, max_length=200)
    reads: int = Field(default=0, sa_type=BigInteger)
    last_read_at: datetime = Field(sa_type=UtcDateTime)
