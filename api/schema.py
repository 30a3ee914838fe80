"""Brings a database to the present schema: Alembic's revisions first, then what table classes cannot say."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from api import tables
from auth import audit_guard
from catalog.search import rebuild
from core.db import make_engine

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x64677363  # one upgrader at a time
HOOKS: Final[tuple[Callable[[Connection], None], ...]] = (
    rebuild.install,
    audit_guard.install,
)  # what table classes cannot say


def bring_up_to_date(engine: Engine) -> None:
    """Create or upgrade all tables; safe to call at every start, and by several processes at once."""
    tables.load()
    with engine.execution_options(datagrant_write=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        command.upgrade(config(connection), "head")
        for hook in HOOKS:
            hook(connection)


def config(connection: Connection) -> Config:
    """Alembic's settings for one open connection."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    found.attributes["connection"] = connection
    return found


def write_revision(message: str) -> None:
    """Compare the table classes with what the revisions make, and write the next revision. For those who change tables."""
    tables.load()
    number = f"{len(list(MIGRATIONS.glob('versions/[0-9]*.py'))) + 1:04}"
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/compare.db")
        with engine.execution_options(datagrant_write=True).begin() as connection:
            command.upgrade(config(connection), "head")
            command.revision(config(connection), message, autogenerate=True, rev_id=number)
        engine.dispose()


if __name__ == "__main__":
    write_revision(sys.argv[1])
