"""The schema as a whole."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import BigInteger, Column, Engine, Integer, MetaData
from sqlmodel import SQLModel

from api import tables
from api.schema import bring_up_to_date, config
from core.db import make_engine

WIDE = re.compile(r"(^|_)(rows|bytes|seq)$")


def test_counts_of_rows_and_bytes_are_wide_enough() -> None:
    """PostgreSQL's INTEGER ends at 2 147 483 647: a 3 GB file would not fit."""
    tables.load()
    narrow = [
        f"{table.name}.{column.name}"
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if WIDE.search(column.name)
        and isinstance(column.type, Integer)
        and not isinstance(column.type, BigInteger)
    ]
    assert narrow == []


def test_tables_carry_the_name_of_their_room() -> None:
    tables.load()
    rooms = {table.name.split("_")[0] for table in SQLModel.metadata.sorted_tables}
    assert rooms == {"core", "auth", "catalog", "quality", "datasets"}


def test_the_revisions_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    """After a change of tables: `python -m api.schema "What changed"` writes the revision; read it, then commit it."""
    tables.load()
    with engine.connect() as connection:
        command.check(config(connection))


def test_an_upgrade_is_safe_at_every_start(engine: Engine) -> None:
    bring_up_to_date(engine)
    bring_up_to_date(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar() == 1


def test_the_first_revision_can_be_taken_back(engine: Engine) -> None:
    with engine.execution_options(datagrant_write=True).begin() as connection:
        command.downgrade(config(connection), "base")
    bring_up_to_date(engine)


def test_an_upgrade_keeps_what_is_there(tmp_path: Path) -> None:
    """One row in every table, each referred to by the others: SQLite rebuilds no table that others refer to."""
    engine = make_engine(f"sqlite:///{tmp_path}/old.db")
    with engine.execution_options(datagrant_write=True).begin() as connection:
        command.upgrade(config(connection), "gov_0002")
    held = MetaData()
    held.reflect(engine)
    ours = [
        table for table in held.sorted_tables if table.name.split("_")[0] in ("core", "auth", "catalog", "quality", "datasets")
        and not table.name.startswith("catalog_search")
    ]  # fmt: skip
    with engine.execution_options(datagrant_write=True).begin() as connection:
        for table in ours:
            if connection.execute(table.select()).first() is None:
                connection.execute(
                    table.insert().values({column.name: _some(column) for column in table.columns})
                )
        before = {table.name: len(connection.execute(table.select()).all()) for table in ours}
    with engine.execution_options(datagrant_write=True).begin() as connection:
        command.upgrade(config(connection), "head")
    with engine.connect() as connection:
        for name, rows in before.items():
            assert connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one() == rows, name
    engine.dispose()


def _some(column: Column[Any]) -> Any:
    """A value that fits; keys of others are all the same word or number."""
    return {
        "INTEGER": 1, "BIGINT": 1, "FLOAT": 1.0, "BOOLEAN": True, "JSON": [], "DATETIME": datetime(2026, 1, 1, tzinfo=UTC), "DATE": date(2026, 1, 1),
        "BLOB": b"x", "NUMERIC": 1,
    }.get(str(column.type).split("(")[0].upper(), "x")  # fmt: skip
