"""What many tests begin with is built once for the run and put back for each: database and files of a house on SQLite.

    def a_desk(house):
        restored(house, "desk", lambda: build(house))   # or, where one unit of work does it:
        written(house, fill)                            # fill(work)

Only a house in which nothing has happened yet is filled so; in any other, and on PostgreSQL, it is built as ever. What
`build` returns is given again each time, and must hold names only, nothing of the house that it was built in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

from sqlmodel import func, select

from api.house import House
from auth.audit import AuditEventRow
from core.work import Work

Made = TypeVar("Made")


class Kept(NamedTuple):
    """A copy of the database, the files beside it by their place, and what was returned."""

    database: sqlite3.Connection
    files: dict[str, bytes]
    made: Any


_kept: dict[Hashable, Kept] = {}


def restored(house: House, name: Hashable, build: Callable[[], Made]) -> Made:
    """What `build` does to an untouched house at this instant of its clock, done once for the run."""
    if house.engine.dialect.name != "sqlite" or not _is_untouched(house):
        return build()
    key = (name, house.clock())
    if key not in _kept:
        made = build()
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        with house.engine.connect() as connection:
            _raw(connection.connection).backup(copy)
        _kept[key] = Kept(
            copy, {place: _room(house).joinpath(place).read_bytes() for place in _files(house)}, made
        )
        return made
    kept = _kept[key]
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
