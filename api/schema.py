"""Brings a database to the present schema: the revisions first, then what table classes cannot say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from api import tables
from auth import audit_guard
from catalog.search import rebuild

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HOOKS: Final[tuple[Callable[[Connection], None], ...]] = (
    rebuild.install,
    audit_guard.install,
)  # what table classes cannot say
_LOCK: Final = 0x64677363


def bring_up_to_date(engine: Engine) -> None:
    """Create or upgrade all tables; safe to call at every start, and by several processes at once.

    Alembic is slow to import; a database at the newest revision, as at nearly every start, does without it.
    """
    tables.load()
    if not is_current(engine):
        from api.upgrading import upgrade

        upgrade(engine, "head", HOOKS)
        return
    with engine.execution_options(datagrant_write=True).begin() as connection:
        wait_for_others(connection)
        for hook in HOOKS:
            hook(connection)


def wait_for_others(connection: Connection) -> None:
    """Let one process at a time change the schema, until its transaction ends. SQLite has a single writer anyway; PostgreSQL refuses two that replace one function."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def is_current(engine: Engine) -> bool:
    """Whether the database is at the newest revision."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return list(connection.scalars(text("SELECT version_num FROM alembic_version"))) == [head()]


def head() -> str | None:
    """The revision that no other one follows, read from the files; None unless there is exactly one."""
    texts = [file.read_text(encoding="utf-8") for file in MIGRATIONS.glob("versions/*.py")]
    made = {found for each in texts for found in re.findall(r'^revision = "(.+)"', each, re.M)}
    followed = {found for each in texts for found in re.findall(r'^down_revision = "(.+)"', each, re.M)}
    return (made - followed).pop() if len(made - followed) == 1 else None
