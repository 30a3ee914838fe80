"""Alembic's entry: works on the connection handed in by `api.upgrading` (or, for `alembic` itself, on DATAGRANT_DATABASE_URL)."""

from __future__ import annotations

import warnings
from typing import Literal

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.exc import SAWarning
from sqlmodel import AutoString, SQLModel

from api import tables
from catalog.search.rebuild import CODES
from core.db import UtcDateTime, make_engine
from core.settings import Settings

tables.load()


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _compare_to: object) -> bool:
    """Search index tables, the index of an expression and the job engine's own tables are not the schema's business."""
    return (kind, name) != ("index", CODES) and (kind != "table" or name in SQLModel.metadata.tables)


def _plain(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Our own column types are written as what they are in the database, so that old revisions never need our code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


def run(connection: Connection) -> None:
    warnings.filterwarnings("ignore", "Skipped unsupported reflection of expression-based index", SAWarning)
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        compare_type=True,
        include_object=_ours,
        render_item=_plain,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with make_engine(Settings().database).connect() as opened:
        run(opened)
        opened.commit()
