"""The schema as a whole."""

from __future__ import annotations

import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Connection, Engine, Integer, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from api import schema, tables
from api.house import House
from api.schema import bring_up_to_date, head
from api.upgrading import config, upgrade
from auth import audit, audit_guard
from auth.actor import SYSTEM
from core.db import make_engine

ROOMS = {"core", "auth", "catalog", "quality", "datasets"}
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
    assert rooms == ROOMS


def test_the_revisions_make_exactly_the_tables_of_the_code(engine: Engine) -> None:
    """After a change of tables: `python -m api.upgrading "What changed"` writes the revision; read it, then commit it."""
    tables.load()
    with engine.connect() as connection:
        command.check(config(connection))


def test_the_newest_revision_is_read_from_the_files_as_alembic_reads_it(engine: Engine) -> None:
    with engine.connect() as connection:
        assert head() == ScriptDirectory.from_config(config(connection)).get_current_head()


def test_an_upgrade_is_safe_at_every_start(engine: Engine) -> None:
    bring_up_to_date(engine)
    bring_up_to_date(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar() == 1


@pytest.mark.postgres
@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_processes_that_start_at_once_wait_for_each_other(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL refuses to replace one function in two transactions: a second server did not start."""
    holds, goes_on = threading.Event(), threading.Event()

    def dawdles(_: Connection) -> None:
        if not holds.is_set():
            holds.set()
            assert goes_on.wait(30)

    monkeypatch.setattr(schema, "HOOKS", (*schema.HOOKS, dawdles))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(bring_up_to_date, engine)
        assert holds.wait(30)
        second = pool.submit(bring_up_to_date, engine)
        with engine.connect() as seen:
            while not seen.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                seen.rollback()
        goes_on.set()
        first.result(30)
        second.result(30)


@pytest.mark.long
def test_the_first_revision_can_be_taken_back(engine: Engine) -> None:
    with engine.execution_options(datagrant_write=True).begin() as connection:
        command.downgrade(config(connection), "base")
    bring_up_to_date(engine)


def test_the_request_of_events_is_not_taken_from_a_record_whose_hashes_cover_it(house: House) -> None:
    with house.write() as work:
        audit.record(work, SYSTEM, "user.created", subject="nobody")
    down = house.engine.execution_options(datagrant_write=True)
    with pytest.raises(RuntimeError, match="could not be verified any more"), down.begin() as connection:
        command.downgrade(config(connection), "w20_own_0001")
    with house.read() as work:
        found, fault = audit.verify(work)
    assert (found, fault) == (1, None)


@pytest.mark.long
def test_each_step_of_an_upgrade_keeps_what_is_there(tmp_path: Path) -> None:
    """Before each revision one row in every table, each referred to by the others; after it, every row with what it said."""
    engine = make_engine(f"sqlite:///{tmp_path}/old.db")
    with engine.begin() as connection:
        steps = list(ScriptDirectory.from_config(config(connection)).walk_revisions("base", "heads"))
    held: dict[str, dict[str, Any]] = {}
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as raw:
        raw.row_factory = sqlite3.Row
        for step in reversed(steps):
            upgrade(engine, step.revision, [audit_guard.install])
            for name, before in held.items():
                after = dict(raw.execute(f'SELECT * FROM "{name}"').fetchone() or {})
                assert {key: after[key] for key in before if key in after} == {
                    key: value for key, value in before.items() if key in after
                }, (step.revision, name)
                assert after, (step.revision, name)
            held = {name: _one_row(raw, name) for name in _ours(raw)}
    engine.dispose()


def test_an_upgrade_that_would_leave_rows_without_what_they_refer_to_is_taken_back(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path}/old.db")
    upgrade(engine, "find_0001")
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as raw:
        raw.execute("CREATE TABLE lost (x TEXT REFERENCES catalog_dataset (id))")
        raw.execute("INSERT INTO lost VALUES ('nowhere')")
    with pytest.raises(IntegrityError, match="lost → catalog_dataset"):
        upgrade(engine, "find_0002")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "find_0001"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    engine.dispose()


def _ours(raw: sqlite3.Connection) -> list[str]:
    named = [row["name"] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [name for name in named if name.split("_")[0] in ROOMS and not name.startswith("catalog_search")]


def _one_row(raw: sqlite3.Connection, name: str) -> dict[str, Any]:
    """The first row of a table; one is made where there is none, whose keys of others are all the same word or number."""
    found = raw.execute(f'SELECT * FROM "{name}"').fetchone()
    if found is None:
        columns = {row["name"]: _some(row["type"]) for row in raw.execute(f'PRAGMA table_info("{name}")')}
        named, marks = ", ".join(f'"{each}"' for each in columns), ", ".join("?" * len(columns))
        raw.execute(f'INSERT INTO "{name}" ({named}) VALUES ({marks})', list(columns.values()))
        return _one_row(raw, name)
    return dict(found)


def _some(kind: str) -> Any:
    """A value that fits."""
    return {
        "INTEGER": 1, "BIGINT": 1, "FLOAT": 1.0, "BOOLEAN": 1, "JSON": "[]", "DATETIME": "2026-01-01 00:00:00.000000", "DATE": "2026-01-01",
        "BLOB": b"x", "NUMERIC": 1,
    }.get(kind.split("(")[0].upper(), "x")  # fmt: skip
