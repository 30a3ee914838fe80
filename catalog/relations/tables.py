"""What records state of each other, so that it is found from the other end; made from their own fields."""

from __future__ import annotations

from sqlmodel import Field, SQLModel


class RelationRow(SQLModel, table=True):
    """`dataset_id` states that it stands so to `other_id`, which need not be a record here."""

    __tablename__ = "catalog_relation"
    dataset_id: str = Field(primary_key=True, max_length=80, foreign_key="catalog_dataset.id")
    kind: str = Field(primary_key=True, max_length=20)
    other_id: str = Field(primary_key=True, max_length=100, index=True)
