"""Brings a database to the present schema: the revisions first, then what table classes cannot say."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from api import tables
from auth import audit_guard, audit_roles
from catalog.search import rebuild
from core.errors import Conflict
from core.text import Text

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HOOKS: Final[tuple[Callable[[Connection], None], ...]] = (
    rebuild.install,
    audit_guard.install,
)  # what table classes cannot say
_LOCK: Final = 0x64677363


def bring_up_to_date(engine: Engine) -> None:
    """Create or upgrade all tables; safe to call at every start, and by several processes at once.

    Alembic is slow to import; a database at the newest revision, as at nearly every start, does without it. Conflict where something is to be done
    and the tables belong to another role (`auth.audit_roles`).
    """
    tables.load()
    with engine.connect() as connection:
        if audit_roles.is_guest(connection):
            _demand_ready(connection, is_current(engine))
            return
    if not is_current(engine):
        from api.upgrading import upgrade

        upgrade(engine, "head", HOOKS)
        return
    with engine.execution_options(datagrant_write=True).begin() as connection:
        wait_for_others(connection)
        for hook in HOOKS:
            hook(connection)


def _demand_ready(connection: Connection, is_newest: bool) -> None:
    """The schema is not ours: it must be whole as it is."""
    if not (is_newest and audit_roles.is_guarded(connection) and rebuild.is_ready(connection)):
        raise Conflict(
            Text(
                "数据库结构须先升级，而本服务的数据库角色无权更改它；请以表的所有者运行 datagrant database upgrade。",
                "The database must be upgraded first, and the role of this service may not change it; run datagrant database upgrade as the owner of the tables.",
            )
        )


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


@cache
def head() -> str | None:
    """The revision that no other one follows, read from the files; None unless there is exactly one."""
    texts = [file.read_text(encoding="utf-8") for file in MIGRATIONS.glob("versions/*.py")]
    made = {found for each in texts for found in re.findall(r'^revision = "(.+)"', each, re.M)}
    followed = {found for each in texts for found in re.findall(r'^down_revision = "(.+)"', each, re.M)}
    return (made - followed).pop() if len(made - followed) == 1 else None
