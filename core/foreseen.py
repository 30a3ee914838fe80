"""Questions that a transaction is about to ask, sent to PostgreSQL all at once.

Why this exists: each statement is a way to the server and back, during which the thread gives up the interpreter and must win it again from
all others of its process. A step knows at its beginning most of what it will ask. The server answers in order, each question on
what is committed when its turn comes, so that a row lock that is asked for first is held before the rest is read.

An answer is handed out once, to whoever asks the same statement with the same parameters, and is forgotten as soon as the
transaction writes anything or takes a lock. What was not foreseen, or is asked again, is asked of the database as ever. SQLite has no way to save: nothing is sent beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnClause, Connection, Dialect, Executable, TableClause, TextClause, event
from sqlalchemy.engine import CursorResult, IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, class_mapper, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.visitors import iterate

_ANSWERS: Final = "core.foreseen"
_Key = tuple[Executable, tuple[tuple[str, object], ...]]
_Converter = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A statement that is put together once, and its parameters. Each of them is one value: no list. Its columns have different names, and none is of a type
    whose values the driver's description must be known to read (`Numeric`)."""

    statement: Executable
    given: Mapping[str, object]

    @property
    def key(self) -> _Key:
        return self.statement, tuple(sorted(self.given.items()))


def foresee(db: Session, *questions: Question) -> None:
    """Ask them in this order now; whoever asks one of them next gets its answer."""
    connection = db.connection()
    if connection.dialect.name != "postgresql":
        return
    for each in questions:
        write_before(db, each.statement)
    _keep(db, questions, in_one_way(connection, *questions))


def foresee_behind(db: Session, lock: Question, *questions: Question) -> None:
    """The same behind a lock of PostgreSQL, with which they are sent unless something must be written before they are asked: never before it is held."""
    forget(db)
    if not questions or _waits(db):
        in_one_way(db.connection(), lock)
        foresee(db, *questions)
    else:
        _keep(db, questions, in_one_way(db.connection(), lock, *questions)[1:])


def _keep(db: Session, questions: Sequence[Question], answers: list[list[tuple[Any, ...]]]) -> None:
    held: dict[_Key, list[tuple[Any, ...]]] = db.info.setdefault(_ANSWERS, {})
    held.update((each.key, rows) for each, rows in zip(questions, answers, strict=True))


def in_one_way(
    connection: Connection, *questions: Question, first: Callable[[], None] = lambda: None
) -> list[list[tuple[Any, ...]]]:
    """The rows of each, by one way to PostgreSQL and back; a statement that gives none has no rows. Raises DBAPIError as a statement would.

    `first`: sends statements of its own before, whose answers it does not look at.
    """
    dialect = connection.dialect
    forms = [_form(each.statement, dialect) for each in questions]
    raw: Any = connection.connection.driver_connection
    try:
        with raw.pipeline():
            first()
            sent = [
                raw.execute(form.text, form.parameters(each.given))
                for form, each in zip(forms, questions, strict=True)
            ]
        return [form.rows(each) for form, each in zip(forms, sent, strict=True)]
    except dialect.loaded_dbapi.Error as fault:
        if dialect.is_disconnect(fault, raw, None):
            connection.invalidate(fault)
        said = "; ".join(form.text for form in forms)
        raise DBAPIError.instance(said, None, fault, dialect.loaded_dbapi.Error, dialect=dialect) from fault


def answered(db: Session, statement: Executable, given: Mapping[str, object]) -> CursorResult[Any] | None:
    """The foreseen answer as plain columns; None where there is none."""
    rows = _taken(db, statement, given)
    if rows is None:
        return None
    names = _form(statement, db.connection().dialect).names
    return cast(CursorResult[Any], IteratorResult(SimpleResultMetaData(names), iter(rows)))


def answered_rows(db: Session, statement: Executable, given: Mapping[str, object]) -> list[Any] | None:
    """The foreseen answer to `select(Table)` as rows of that table, known to the session as if it had asked; None where there is none.

    A row that the session knows already keeps what it holds, unless the statement says `populate_existing`.
    """
    rows = _taken(db, statement, given)
    if rows is None:
        return None
    form = _form(statement, db.connection().dialect)
    anew = bool(statement.get_execution_options().get("populate_existing"))
    return [_known(db, form, values, anew=anew) for values in rows]


def _taken(db: Session, statement: Executable, given: Mapping[str, object]) -> list[tuple[Any, ...]] | None:
    answers: dict[_Key, list[tuple[Any, ...]]] | None = db.info.get(_ANSWERS)
    if not answers or any(isinstance(value, list | set | dict) for value in given.values()):
        return None
    return answers.pop(Question(statement, given).key, None)


def _known(db: Session, form: _Form, values: tuple[Any, ...], *, anew: bool) -> Any:  # noqa: ANN401 - a row of any table
    mapper: Mapper[Any] = form.mapper  # type: ignore[assignment]
    held = dict(zip(form.names, values, strict=True))
    key = mapper.identity_key_from_primary_key(tuple(held[name] for name in form.key))
    found = db.identity_map.get(key)
    if found is None:
        found = mapper.class_manager.new_instance()
        found.__dict__.update(held)
        make_transient_to_detached(found)
        db.add(found)
    elif anew:
        for name, value in held.items():
            set_committed_value(found, name, value)
    return found


def forget(db: Session) -> None:
    """The transaction has written something: ask anew."""
    db.info.pop(_ANSWERS, None)


# -- what is written before something is asked


def write_before(db: Session, statement: Executable) -> None:
    """Write what the transaction has changed, if the statement reads a table of it, or is no question."""
    changed = _waits(db)
    if not changed:
        return
    read = tables_of(statement) if statement.is_select else None
    if read is None or any(not read.isdisjoint(_tables(type(row))) for row in changed):
        db.flush()


def _waits(db: Session) -> list[Any]:
    return [*db.new, *db.dirty, *db.deleted]


def tables_of(statement: Executable) -> frozenset[str] | None:
    """The names of all tables that a question reads, however deep; None for one that does not say."""
    known = _READ.get(statement)
    if known is None:
        found: set[str] = set()
        for part in iterate(cast(Any, statement)):
            if isinstance(part, TextClause):
                return None
            table = part.table if isinstance(part, ColumnClause) else part
            if isinstance(table, TableClause):
                found.add(table.name)
        known = _READ[statement] = frozenset(found)
    return known


_READ: Final[WeakKeyDictionary[Executable, frozenset[str]]] = WeakKeyDictionary()


def _tables(kind: type) -> Iterable[str]:
    return (each.name for each in class_mapper(kind).tables if isinstance(each, TableClause))


def is_sent_blindly(db: Session) -> bool:
    """Whether all that waits to be written are new rows that the database adds nothing to: nobody need look at its answers."""
    return not db.dirty and not db.deleted and all(_is_whole(row) for row in db.new)


def _is_whole(row: Any) -> bool:  # noqa: ANN401 - a row of any table
    return all(
        getattr(row, each.key) is not None
        for each in class_mapper(type(row)).local_table.columns
        if each.primary_key or each.server_default is not None
    )


# -- a statement as the driver takes it, put together once


@dataclass(frozen=True, slots=True)
class _Form:
    text: str
    names: Sequence[str]
    given: Callable[[Mapping[str, object]], dict[str, Any]]
    into: Mapping[str, _Converter]
    out_of: Sequence[tuple[int, _Converter]]
    mapper: Mapper[Any] | None
    key: Sequence[str]

    def parameters(self, given: Mapping[str, object]) -> dict[str, Any]:
        found = self.given(given)
        for name, convert in self.into.items():
            found[name] = convert(found[name])
        return found

    def rows(self, cursor: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - the driver's own
        found: list[tuple[Any, ...]] = (
            [] if cursor.rownumber is None else cursor.fetchall()
        )  # `description` describes each column
        if not self.out_of:
            return found
        return [self._converted(list(row)) for row in found]

    def _converted(self, row: list[Any]) -> tuple[Any, ...]:
        for place, convert in self.out_of:
            row[place] = convert(row[place])
        return tuple(row)


_FORMS: Final[dict[Executable, _Form]] = {}


def _form(statement: Executable, dialect: Dialect) -> _Form:
    known = _FORMS.get(statement)
    if known is None:
        known = _FORMS[statement] = _made(statement, dialect)
    return known


def _made(statement: Any, dialect: Dialect) -> _Form:  # noqa: ANN401 - selects, unions and texts share no type with columns
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    columns = list(getattr(statement, "selected_columns", ()))
    mapper = _table(statement)
    if mapper is not None:
        names = [mapper.get_property_by_column(mapper.local_table.c[each.name]).key for each in columns]
    else:
        names = [each.key for each in columns]
    if len(set(names)) < len(names):
        raise ValueError(f"two columns of one name: {names}")
    into = {
        name: convert for name, bound in compiled.binds.items() if (convert := _into(bound.type, dialect))
    }
    out_of = [
        (place, convert) for place, each in enumerate(columns) if (convert := _out_of(each.type, dialect))
    ]
    key = [mapper.get_property_by_column(each).key for each in mapper.primary_key] if mapper else []
    return _Form(compiled.string, names, compiled.construct_params, into, out_of, mapper, key)


def _table(statement: Any) -> Mapper[Any] | None:  # noqa: ANN401 - as above
    """The table whose whole rows the statement selects."""
    said: Any = getattr(statement, "column_descriptions", ())
    if len(said) != 1:
        return None
    found: Mapper[Any] | None = getattr(said[0]["expr"], "__mapper__", None)
    return found


def _into(kind: Any, dialect: Dialect) -> _Converter | None:  # noqa: ANN401 - a column's type
    found: _Converter | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return found


def _out_of(kind: Any, dialect: Dialect) -> _Converter | None:  # noqa: ANN401 - a column's type
    found: _Converter | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return found


@event.listens_for(Session, "do_orm_execute")
def _locked_or_written(asked: ORMExecuteState) -> None:
    """Behind a lock that may have been waited for, and behind what the transaction wrote past its rows, all is asked anew."""
    if not asked.is_select or getattr(asked.statement, "_for_update_arg", None) is not None:
        forget(asked.session)


@event.listens_for(Session, "after_flush")
def _written(session: Session, _context: object) -> None:
    forget(session)


@event.listens_for(Session, "after_soft_rollback")
def _taken_back(session: Session, _previous: object) -> None:
    forget(session)
