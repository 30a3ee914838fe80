"""What is stored of privacy budgets. Spending is only ever added to; nothing is given back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.db import UtcDateTime


class PrivacyCapRow(SQLModel, table=True):
    """One version of a dataset's caps; the highest version is in force."""

    __tablename__ = "datasets_query_cap"
    __table_args__ = (UniqueConstraint("dataset_id", "version"),)
    id: str = Field(primary_key=True)
    dataset_id: str = Field(index=True, max_length=80)
    version: int
    dataset_micro: int = Field(sa_type=BigInteger)
    org_micro: int = Field(sa_type=BigInteger)
    grant_micro: int = Field(sa_type=BigInteger)
    user_micro: int = Field(sa_type=BigInteger)
    reason: str = Field(max_length=500)
    set_by: str
    set_person: str = ""
    set_name: str
    set_at: datetime = Field(sa_type=UtcDateTime)


class PrivacyAccountRow(SQLModel, table=True):
    """What one account has spent in one period. `kind`: dataset, org, grant, user; `holder` is empty for the dataset."""

    __tablename__ = "datasets_query_budget"
    __table_args__ = (
        UniqueConstraint("dataset_id", "period", "kind", "holder"),
        CheckConstraint("spent_micro >= 0", name="spent_not_negative"),
    )
    id: str = Field(primary_key=True)
    dataset_id: str = Field(max_length=80)
    period: str = Field(max_length=10)
    kind: str = Field(max_length=10)
    holder: str
    name: str = ""
    spent_micro: int = Field(default=0, sa_type=BigInteger)


class PrivacySpendRow(SQLModel, table=True):
    """One reservation: for which answer, how much. Written in the transaction that takes it from the accounts."""

    __tablename__ = "datasets_query_spend"
    id: str = Field(primary_key=True)
    answer_id: str = Field(foreign_key="datasets_query_answer.id", unique=True)
    dataset_id: str = Field(index=True, max_length=80)
    period: str = Field(max_length=10)
    org_id: str
    grant_id: str
    account_id: str
    epsilon_micro: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=UtcDateTime)
