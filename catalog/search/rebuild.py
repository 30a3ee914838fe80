"""Brings an index that was built by older rules up to the present ones, when the server starts on its database."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlmodel import Session

from catalog import service
from catalog.search import index
from catalog.search.tables import IndexStateRow
from core import ids
from core.work import Work, system_clock


def install(connection: Connection) -> None:
    """Make the index, and fill it anew where its records were stored by other rules. Part of the upgrade's transaction."""
    index.install(connection)
    with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as db:
        state = db.get(IndexStateRow, 1) or IndexStateRow(id=1, version=0)
        if state.version != index.VERSION:
            db.add(state)
            db.flush()
            service.reindex(Work(db, system_clock(), ids.new_id))
            db.refresh(state)
            state.version = index.VERSION
            db.add(state)
            db.commit()
