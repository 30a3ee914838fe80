"""Brings a database to the present schema."""

from __future__ import annotations

from sqlalchemy import Engine
from sqlmodel import SQLModel

from api import tables


def bring_up_to_date(engine: Engine) -> None:
    """Create or upgrade all tables; safe to call at every start."""
    tables.load()
    SQLModel.metadata.create_all(engine)
