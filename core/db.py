"""The database door: one engine, aware times, names for constraints, and SQLite made honest."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, DateTime, Engine, create_engine, event, false, or_
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.elements import SQLCoreOperations
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

from core.ground import Ground

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


BUSY_SECONDS: Final = 30  # how long a writer waits for the one before
TRUSTED_SECONDS: Final = 5  # a server's connection that was in use so lately is not asked whether it lives


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Refuses naive values on the way in; gives aware UTC on the way out (SQLite drops offsets)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: give an aware one")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(column: SQLCoreOperations[Any], values: Iterable[object]) -> ColumnElement[bool]:
    """The column is one of these few. Unlike `in_` the question is put together once, not at each asking."""
    return or_(false(), *(column == value for value in values))


def make_engine(url: str) -> Engine:
    """An engine for `url`. SQLite gets WAL, enforced foreign keys, full sync and explicit transactions.

    Of a file that is removed or replaced while the engine lives every transaction is refused (Unavailable), and none is made in its place.
    """
    if not url.startswith("sqlite"):
        return _asked_when_idle(create_engine(url, pool_size=10, max_overflow=20))
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, pool_size=50, max_overflow=10
    )

    @event.listens_for(engine, "connect")
    def _on_connect(raw: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own record type
        raw.isolation_level = None  # SQLAlchemy begins, not the driver
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "synchronous=FULL",
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("datagrant_write", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:  # takes no lock, so that it cannot fail: the driver itself is quicker by half
            connection.connection.driver_connection.execute("BEGIN")  # type: ignore[union-attr]

    return kept_to_its_file(engine)


def kept_to_its_file(engine: Engine) -> Engine:
    """An engine of SQLite whose file, once it was opened, is never made anew: where it is gone or replaced, nothing begins (Unavailable)."""
    file = engine.url.database or ":memory:"
    ground: list[Ground] = []  # from the first connection on

    @event.listens_for(engine, "do_connect")
    def _before_connecting(
        _dialect: object, _record: object, given: list[str], options: dict[str, Any]
    ) -> None:
        if ground:
            ground[0].demand()
            given[0] = f"{Path(file).absolute().as_uri()}?mode=rw"  # also not in the moment after that look
            options["uri"] = True

    @event.listens_for(engine, "connect")
    def _on_connect(_raw: object, _record: object) -> None:
        if file != ":memory:" and not ground:
            Path(file).touch()  # SQLite makes it at the first statement that needs it
            ground.append(Ground(Path(file)))

    @event.listens_for(engine, "begin", insert=True)
    def _before_beginning(_connection: Connection) -> None:
        if ground:
            ground[0].demand()

    return engine


def _asked_when_idle(engine: Engine) -> Engine:
    """A connection that lay idle is asked whether its server still answers before it is used; a dead one makes way for a new one.

    Asking each time, as `pool_pre_ping` does, is one more way to the server and back for each transaction.
    """

    @event.listens_for(engine, "checkin")
    def _on_checkin(_raw: object, record: ConnectionPoolEntry) -> None:
        record.info["used"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _on_checkout(raw: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        used = record.info.get("used")
        if used is None or time.monotonic() - used < TRUSTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(raw)
        except engine.dialect.loaded_dbapi.Error as dead:
            raise DisconnectionError from dead  # the pool tries with a new connection

    return engine
