"""Takes a database through Alembic's revisions, in one transaction."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from api import tables
from api.schema import MIGRATIONS, wait_for_others
from core.db import make_engine


def upgrade(engine: Engine, revision: str, hooks: Sequence[Callable[[Connection], None]] = ()) -> None:
    """Take the revisions up to `revision`, then `hooks`, in one transaction."""
    tables.load()
    with engine.execution_options(datagrant_write=True).connect() as connection, _keys_at_the_end(connection):
        wait_for_others(connection)
        command.upgrade(config(connection), revision)
        for hook in hooks:
            hook(connection)


@contextmanager
def _keys_at_the_end(connection: Connection) -> Iterator[None]:
    """A transaction in which SQLite looks at keys of others once, at its end: a revision may build a table anew that others refer to."""
    if connection.dialect.name != "sqlite":
        with connection.begin():
            yield
        return
    raw = connection.connection.cursor()
    raw.execute("PRAGMA foreign_keys=OFF")  # has no effect within a transaction
    try:
        with connection.begin():
            before = MigrationContext.configure(connection).get_current_heads()
            yield
            if before != MigrationContext.configure(connection).get_current_heads():
                _demand_whole(connection)
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def _demand_whole(connection: Connection) -> None:
    """Raises IntegrityError, and with it takes everything back, where a row refers to one that is not there."""
    lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if lost:
        said = ", ".join(sorted({f"{row[0]} → {row[2]}" for row in lost}))
        raise IntegrityError(
            "upgrade", None, ValueError(f"{len(lost)} rows would refer to rows that are not there: {said}")
        )


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
