"""What is stored of the use of open data: numbers, and of nobody."""

from __future__ import annotations

from datetime import date as Day

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field, SQLModel


class UseRow(SQLModel, table=True):
    """How often a dataset's page (`release_id` empty) or a release was used on one local day. `release_id`: of the room above, without a key."""

    __tablename__ = "catalog_use"
    __table_args__ = (CheckConstraint("number > 0", name="number"),)
    dataset_id: str = Field(primary_key=True, max_length=80, foreign_key="catalog_dataset.id")
    day: Day = Field(primary_key=True, index=True)
    release_id: str = Field(primary_key=True, max_length=40)
    kind: str = Field(primary_key=True, max_length=10)
    number: int = Field(sa_type=BigInteger)


class UseTotalRow(SQLModel, table=True):
    """The sums of all days of a dataset, kept with them, so that lists need not add up."""

    __tablename__ = "catalog_use_total"
    dataset_id: str = Field(primary_key=True, max_length=80, foreign_key="catalog_dataset.id")
    visits: int = Field(default=0, sa_type=BigInteger)
    downloads: int = Field(default=0, sa_type=BigInteger)
    calls: int = Field(default=0, sa_type=BigInteger)


class UseUntilRow(SQLModel, table=True):
    """The sums of all days of a dataset up to this one, for each day with a use."""

    __tablename__ = "catalog_use_until"
    __table_args__ = ({"sqlite_with_rowid": False},)  # read by its key alone
    dataset_id: str = Field(primary_key=True, max_length=80, foreign_key="catalog_dataset.id")
    day: Day = Field(primary_key=True)
    visits: int = Field(sa_type=BigInteger)
    downloads: int = Field(sa_type=BigInteger)
    calls: int = Field(sa_type=BigInteger)
