"""Rows that many steps of one transaction ask for, asked of the database once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session

from core.work import Work

_KNOWN: Final = "core.recalled"
T = TypeVar("T")


def recalled(work: Work, table: type, key: Hashable, ask: Callable[[], T]) -> T:
    """The answer of `ask`, kept under `key` until this transaction adds, changes or removes a row of `table` through its session.

    A statement that does so past the session must call `forget`. The answer is shared: change its rows, never the collection.
    """
    work.db.flush()  # as each question does by itself
    known: dict[Hashable, Any] = work.db.info.setdefault(_KNOWN, {}).setdefault(table, {})
    if key not in known:
        known[key] = ask()
    return known[key]  # type: ignore[no-any-return]


def forget(work: Work, table: type) -> None:
    """Rows of the table were written by a statement: ask again."""
    work.db.info.get(_KNOWN, {}).pop(table, None)


@event.listens_for(Session, "after_flush")
def _written(session: Session, _context: object) -> None:
    if known := session.info.get(_KNOWN):
        for table in {type(row) for row in (*session.new, *session.dirty, *session.deleted)}:
            known.pop(table, None)


@event.listens_for(Session, "after_soft_rollback")
def _taken_back(session: Session, _previous: object) -> None:
    session.info.pop(_KNOWN, None)
