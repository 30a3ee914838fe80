"""What many tests begin with is built once for the run and put back for each: database and files of a house.

    def a_desk(house):
        restored(house, "desk", lambda: build(house))   # or, where one unit of work does it:
        written(house, fill)                            # fill(work)

Only a house in which nothing has happened yet is filled so; in any other it is built as ever. What `build` returns is given
again each time, and must hold names only, nothing of the house that it was built in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Engine
from sqlmodel import func, select

from api.house import House
from auth.audit import AuditEventRow
from core.work import Work
from tests import postgres

Made = TypeVar("Made")


class Kept(NamedTuple):
    """A copy of the database, the files beside it by their place, and what was returned."""

    database: sqlite3.Connection | postgres.Contents
    files: dict[str, bytes]
    made: Any


_kept: dict[Hashable, Kept] = {}


def restored(house: House, name: Hashable, build: Callable[[], Made]) -> Made:
    """What `build` does to an untouched house at this instant of its clock, done once for the run."""
    if not _is_untouched(house) or (_is_postgres(house.engine) and not postgres.may_put_back(house.engine)):
        return build()
    key = (house.engine.dialect.name, name, house.clock())
    if key not in _kept:
        before = postgres.contents(house.engine) if _is_postgres(house.engine) else None
        made = build()
        files = {place: _room(house).joinpath(place).read_bytes() for place in _files(house)}
        _kept[key] = Kept(_copied(house.engine, before), files, made)
        return made
    kept = _kept[key]
    if isinstance(kept.database, postgres.Contents):
        postgres.put_back(house.engine, kept.database)
    else:
        with house.engine.connect() as connection:
            kept.database.backup(_raw(connection.connection))
    for place, content in kept.files.items():
        path = _room(house) / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return cast("Made", kept.made)


def written(house: House, fill: Callable[[Work], object]) -> None:
    """What the function `fill` writes into an untouched house in one unit of work, done once for the run."""

    def build() -> None:
        with house.write() as work:
            fill(work)

    restored(house, (fill.__module__, fill.__qualname__), build)


def _copied(engine: Engine, before: postgres.Contents | None) -> sqlite3.Connection | postgres.Contents:
    if before is not None:
        return postgres.contents(engine).beyond(before)
    copy = sqlite3.connect(":memory:", check_same_thread=False)
    with engine.connect() as connection:
        _raw(connection.connection).backup(copy)
    return copy


def _is_postgres(engine: Engine) -> bool:
    return engine.dialect.name == "postgresql"


def _is_untouched(house: House) -> bool:
    if _files(house):
        return False
    with house.read() as work:
        return work.db.exec(select(func.count()).select_from(AuditEventRow)).one() == 0


def _files(house: House) -> list[str]:
    room = _room(house)
    return [
        str(path.relative_to(room))
        for path in room.rglob("*")
        if path.is_file() and not path.name.startswith("datagrant.db")
    ]


def _room(house: House) -> Path:
    return house.settings.data_dir


def _raw(connection: Any) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.driver_connection)
