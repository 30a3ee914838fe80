"""Brings a database to the present schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Engine
from sqlmodel import SQLModel

from api import tables
from auth import audit_guard
from catalog.search import index

HOOKS: Final[tuple[Callable[[Connection], None], ...]] = (
    index.install,
    audit_guard.install,
)  # what table classes cannot say


def bring_up_to_date(engine: Engine) -> None:
    """Create or upgrade all tables; safe to call at every start."""
    tables.load()
    SQLModel.metadata.create_all(engine)
    with engine.begin() as connection:
        for hook in HOOKS:
            hook(connection)
