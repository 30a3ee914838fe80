"""The unit of work: one transaction, one instant, one source of ids. The edge opens it; services use it, never commit."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import CursorResult, Engine, Executable, text
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from core import foreseen, ids
from core.db import BUSY_SECONDS
from core.turns import FileTurns, Turns

Row = TypeVar("Row")
Asked = tuple[Executable, Mapping[str, object]]
Clock = Callable[[], datetime]
IdSource = Callable[[], str]


def system_clock() -> datetime:
    """The present instant, aware UTC. The only place that reads the machine's clock."""
    return datetime.now(UTC)  # noqa: TID251 - this is the clock


@dataclass(frozen=True, slots=True)
class Work:
    """What a service needs to act: handle, one instant per transaction (aware UTC), ids."""

    db: Session
    now: datetime
    new_id: IdSource


@contextmanager
def unit_of_work(
    engine: Engine, clock: Clock = system_clock, new_id: IdSource = ids.new_id, *, write: bool = True
) -> Iterator[Work]:
    """Commit at the end, or roll everything back on any error.

    `write=True` takes SQLite's write lock at once, so that a later step cannot fail for want of it. Writers of this process come
    to it in the order in which they asked, and processes take turns: SQLite itself lets them sleep and try again. A reader has one picture
    of the database to the end, on PostgreSQL too.
    """
    bound = _Bound.of(engine)
    with (
        bound.turn(write),
        Session(bound.writing if write else bound.reading, expire_on_commit=False) as db,
        db.begin(),
    ):
        yield Work(db, clock(), new_id)


@contextmanager
def glance(engine: Engine, clock: Clock = system_clock, new_id: IdSource = ids.new_id) -> Iterator[Work]:
    """To ask one or two things that need no common picture: on PostgreSQL without the two ways of beginning and ending a transaction."""
    with Session(_Bound.of(engine).glancing, expire_on_commit=False) as db, db.begin():
        yield Work(db, clock(), new_id)


@dataclass(frozen=True, slots=True)
class _Bound:
    """An engine as readers and as writers use it, made once."""

    reading: Engine
    glancing: Engine
    writing: Engine
    writers: Turns | None
    processes: FileTurns | None

    @classmethod
    def of(cls, engine: Engine) -> _Bound:
        known = _KNOWN.get(engine)
        if known is None:
            with _MAKING:
                known = _KNOWN.get(engine) or cls._made(engine)
                _KNOWN[engine] = known
        return known

    @classmethod
    def _made(cls, engine: Engine) -> _Bound:
        writing = engine.execution_options(datagrant_write=True)
        if engine.dialect.name == "sqlite":
            reading = engine.execution_options(datagrant_write=False)
            file = engine.url.database
            between = FileTurns(Path(file)) if file and file != ":memory:" else None
            return cls(reading, reading, writing, Turns(1), between)
        return cls(
            engine.execution_options(isolation_level="REPEATABLE READ", datagrant_write=False),
            engine.execution_options(isolation_level="AUTOCOMMIT"), writing, None, None,
        )  # fmt: skip

    @contextmanager
    def turn(self, write: bool) -> Iterator[None]:
        with (
            self.writers.turn(BUSY_SECONDS) if write and self.writers else nullcontext(),
            self.processes.turn(BUSY_SECONDS) if write and self.processes else nullcontext(),
        ):
            yield


_MAKING: Final = threading.Lock()
_KNOWN: Final[dict[Engine, _Bound]] = {}


def fetched(work: Work, question: Executable, **given: object) -> CursorResult[Any]:
    """The answer as plain columns, which costs a third of making objects. What the transaction has changed so far in what is asked about
    is written first."""
    foreseen.write_before(work.db, question)
    if (known := foreseen.answered(work.db, question, given)) is not None:
        return known
    if not question.is_select:
        foreseen.forget(work.db)
    return work.db.connection().execute(question, given)


def rows(work: Work, question: SelectOfScalar[Row], **given: object) -> list[Row]:
    """The answer to `select(Table)`, as rows that the session keeps."""
    foreseen.write_before(work.db, question)
    if (known := foreseen.answered_rows(work.db, question, given)) is not None:
        return known
    return list(work.db.scalars(question, given))


def foresee(work: Work, *questions: Asked) -> None:
    """Let PostgreSQL answer these in one way there and back; `fetched` and `rows` hand the answers out. See `core.foreseen`."""
    foreseen.foresee(work.db, *(foreseen.Question(statement, given) for statement, given in questions))


_HOLD: Final = text("SELECT pg_advisory_xact_lock(:room, :key)")


def hold(work: Work, name: str, *then: Asked) -> None:
    """Let one transaction at a time pass for `name`, until it ends. SQLite has a single writer anyway. `then`: foreseen once it has passed."""
    if work.db.get_bind().dialect.name != "postgresql":
        return
    passing = foreseen.Question(_HOLD, {"room": 7, "key": zlib.crc32(name.encode()) - 2**31})
    foreseen.foresee_behind(work.db, passing, *(foreseen.Question(*each) for each in then))
