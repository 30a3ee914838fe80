"""Rows that many steps of one transaction ask for, asked of the database once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

from core import foreseen
from core.work import Work

_KNOWN: Final = "core.recalled"
_ROWS: Final = "core.recalled rows"
_ADDED: Final = "core.recalled added"
T = TypeVar("T")


def recalled(work: Work, table: type | tuple[type, ...], key: Hashable, ask: Callable[[], T]) -> T:
    """The answer of `ask`, kept under `key` until this transaction adds, changes or removes a row of `table` (of any, where there
    are several) through its session.

    A statement that does so past the session must call `forget`. The answer is shared: change its rows, never the collection.
    """
    tables = table if isinstance(table, tuple) else (table,)
    if any(type(row) in tables for row in (*work.db.new, *work.db.dirty, *work.db.deleted)):
        work.db.flush()
    known: dict[Hashable, Any] = work.db.info.setdefault(_KNOWN, {}).setdefault(tables, {})
    if key not in known:
        known[key] = ask()
    return known[key]  # type: ignore[no-any-return]


def recalled_rows(work: Work, table: type[T], key: Hashable, ask: Callable[[], Sequence[T]]) -> Sequence[T]:
    """The same for rows picked and ordered by columns that never change: an altered row is the one that is known, so that only a new
    or a removed one makes the database be asked again. It may hold changes that are not written yet.
    """
    known: dict[Hashable, Any] = work.db.info.setdefault(_ROWS, {}).setdefault(table, {})
    if any(type(row) is table for row in (*_unknown(work.db), *work.db.deleted)):
        work.db.flush()
        known = work.db.info.setdefault(_ROWS, {}).setdefault(table, {})
    if key not in known:
        known[key] = ask()
    return known[key]  # type: ignore[no-any-return]


def append(work: Work, table: type[T], key: Hashable, row: T) -> None:
    """Add a new row that comes last among those recalled under `key`. It is written with the next that is."""
    known = work.db.info.get(_ROWS, {}).get(table, {})
    work.db.add(row)
    if key in known:
        known[key] = [*known[key], row]
        work.db.info.setdefault(_ADDED, []).append(row)


def _unknown(db: Session) -> list[Any]:
    """New rows that do not stand among those recalled."""
    added = db.info.get(_ADDED, ())
    return [row for row in db.new if not any(row is each for each in added)]


def forget(work: Work, table: type) -> None:
    """Rows of the table were written by a statement: ask again."""
    foreseen.forget(work.db)
    _drop(work.db.info, {table})
    work.db.info.get(_ROWS, {}).pop(table, None)


def _drop(info: dict[str, Any], changed: set[type]) -> None:
    known: dict[tuple[type, ...], Any] = info.get(_KNOWN, {})
    for tables in [tables for tables in known if not changed.isdisjoint(tables)]:
        del known[tables]


@event.listens_for(Session, "after_flush")
def _written(session: Session, _context: object) -> None:
    if session.info.get(_KNOWN):
        _drop(session.info, {type(row) for row in (*session.new, *session.dirty, *session.deleted)})
    if rows := session.info.get(_ROWS):
        for table in {type(row) for row in (*_unknown(session), *session.deleted)}:
            rows.pop(table, None)
    session.info.pop(_ADDED, None)


@event.listens_for(Session, "after_soft_rollback")
def _taken_back(session: Session, _previous: object) -> None:
    for kind in (_KNOWN, _ROWS, _ADDED):
        session.info.pop(kind, None)
