"""Brings an index that was built by older rules up to the present ones, when the server starts on its database."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection
from sqlmodel import Session, select

from catalog import indexing
from catalog.search import index
from catalog.search.tables import IndexStateRow
from core import ids
from core.work import Work, system_clock

CODES: Final = "ix_catalog_dataset_lower_id"
"""The index by which CKAN's clients find a record whatever the case of its code; made of an expression, which revisions cannot compare."""


def install(connection: Connection) -> None:
    """Make the index, and fill it anew where its records were stored by other rules. Part of the upgrade's transaction."""
    index.install(connection)
    connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {CODES} ON catalog_dataset (lower(id))")
    with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as db:
        state = db.get(IndexStateRow, 1) or IndexStateRow(id=1, version=0)
        if state.version != index.VERSION:
            db.add(state)
            db.flush()
            indexing.reindex(Work(db, system_clock(), ids.new_id))
            db.refresh(state)
            state.version = index.VERSION
            db.add(state)
            db.commit()


def is_ready(connection: Connection) -> bool:
    """Whether nothing is left for `install` to do; for a role that may not change the schema."""
    found = connection.execute(select(IndexStateRow.version).where(IndexStateRow.id == 1)).scalar()
    return found == index.VERSION
