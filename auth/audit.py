"""The audit record: one hash-chained row per event, written in the transaction of the event itself.

`hash = SHA-256(prev_hash || canonical JSON of the event)`; the first event's predecessor is 64 zeros. Nothing updates or
deletes these rows; database triggers refuse it.

An event takes its place in the chain when its transaction is about to commit, and before anything asks for events: the chain's lock,
which all writers share on PostgreSQL, is held for one question, one insert and the commit, whatever else the transaction does.

Form 2 of an event names its actor by ids alone and holds names and free words as salted commitments (`auth.audit_personal`); form 1,
written before, holds them in the clear and is never rewritten. Form 3 adds the id of the request in whose course it was recorded, and among the
personal values of its payload the network from which that came (`asked_from`). Each form keeps its own canonical bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, event, text
from sqlalchemy.orm import ORMExecuteState, SessionTransaction
from sqlalchemy.orm import Session as AnySession
from sqlmodel import Field, SQLModel, col, select

from auth import audit_personal
from auth.actor import Actor
from auth.audit_request import ASKING, LOCAL, Asking, Written
from core.canonical import canonical
from core.db import UtcDateTime
from core.foreseen import Question, in_one_way, is_sent_blindly
from core.rows import EventfulRow
from core.work import Work

GENESIS: Final = "0" * 64
FORM: Final = 3  # of the events written now
_LOCK: Final = (
    0x6461746167  # advisory lock: one appender at a time on PostgreSQL; SQLite has one writer anyway
)


_MANY: Final = 200  # so many wait at most for their places


class AuditEventRow(EventfulRow, table=True):
    """One event. `kind` is past tense (`grant.revoked`); `payload` is canonical JSON text; `actor_name` is the account's id from form 2 on."""

    __tablename__ = "auth_audit_event"
    seq: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    id: str = Field(unique=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    kind: str = Field(index=True, max_length=80)
    actor_account: str = Field(index=True)
    actor_person: str
    actor_name: str
    actor_org: str | None = Field(default=None, index=True)
    via: str
    subject: str = Field(index=True, max_length=120)
    dataset_id: str | None = Field(default=None, index=True)
    grant_id: str | None = Field(default=None, index=True)
    application_id: str | None = Field(default=None, index=True)
    payload: str
    request_id: str | None = Field(default=None, index=True, max_length=36)
    form: int = Field(default=FORM, sa_column_kwargs={"server_default": "1"})
    prev_hash: str = Field(max_length=64)
    hash: str = Field(max_length=64, unique=True)


class AuditEventRead(SQLModel):
    """An event as a reader sees it."""

    seq: int
    id: str
    at: datetime
    kind: str
    actor_account: str
    actor_name: str
    actor_org: str | None
    subject: str
    dataset_id: str | None
    grant_id: str | None
    application_id: str | None
    payload: str
    request_id: str | None
    prev_hash: str
    hash: str


_SINCE: Final = {"form": 2, "request_id": 3}  # the form with which a member began


def _members(row: AuditEventRow) -> Iterator[tuple[str, Any]]:
    """What this row's form of an event is made of, but for the time."""
    for name in AuditEventRow.model_fields:
        if name != "at" and row.form >= _SINCE.get(name, 1):
            yield name, getattr(row, name)


def _body(row: AuditEventRow) -> bytes:
    """Canonical JSON (RFC 8785) of all that the hash covers."""
    body = {name: value for name, value in _members(row) if name not in {"hash", "prev_hash"}}
    return canonical(body | {"at": row.at.astimezone(UTC).isoformat()})


def entry(row: AuditEventRow) -> bytes:
    """The whole event as canonical JSON, chain hashes included: a line of a dump, a leaf of the tree of `auth.proof`."""
    body: dict[str, Any] = dict(_members(row))
    return canonical(body | {"at": row.at.astimezone(UTC).isoformat()})


def digest(row: AuditEventRow) -> str:
    """What `hash` must be."""
    return hashlib.sha256(bytes.fromhex(row.prev_hash) + _body(row)).hexdigest()


_LAST: Final = select(AuditEventRow.seq, AuditEventRow.hash).order_by(col(AuditEventRow.seq).desc()).limit(1)


def record(
    work: Work,
    actor: Actor,
    kind: str,
    *,
    subject: str,
    payload: Mapping[str, Any] | None = None,
    dataset_id: str | None = None,
    grant_id: str | None = None,
    application_id: str | None = None,
    about: Mapping[str, str] | None = None,
) -> AuditEventRow:
    """Append one event to the chain, in the caller's transaction. `payload`: JSON values only, no secrets.

    `about`: the person whom a name in the payload concerns, by its member, where it is not the actor. The event has number 0 and no
    hash until `settle`.
    """
    if not is_sent_blindly(work.db):
        work.db.flush()
    asking = ASKING.get()
    veiled, openings = audit_personal.veil(kind, {**_asked_from(actor, asking), **(payload or {})})
    row = AuditEventRow(
        id=work.new_id(),
        at=work.now,
        kind=kind,
        actor_account=actor.account_id,
        actor_person=actor.person_id,
        actor_name=actor.account_id or actor.username,
        actor_org=actor.org_id,
        via=actor.via,
        subject=subject,
        dataset_id=dataset_id,
        grant_id=grant_id,
        application_id=application_id,
        payload=canonical(veiled).decode(),
        request_id=asking.id if asking else None,
        seq=0,
        prev_hash="",
        hash="",
    )
    opened = audit_personal.rows(actor.person_id, about or {}, openings)
    within = work.db.get_nested_transaction() or work.db.get_transaction() or work.db.begin()
    waiting = _waiting(work.db)
    waiting.append(known := _Waiting(row, opened, within))
    if asking is not None:
        work.db.info.setdefault(_RECORDED, []).append(known)
    if len(waiting) >= _MANY:
        settle(work.db)
    return row


def _asked_from(actor: Actor, asking: Asking | None) -> dict[str, str]:
    """The network from which a person asked, for the payload. What the system does in a request's course comes from nowhere."""
    if asking is None or actor.via == "system" or (origin := asking.origin) == LOCAL:
        return {}
    return {audit_personal.ASKED_FROM: origin}


# -- taking a place in the chain


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An event without its place, what opens it, and the savepoint that would take it back."""

    row: AuditEventRow
    opened: list[audit_personal.PersonalRow]
    within: SessionTransaction | None


def _waiting(db: AnySession) -> list[_Waiting]:
    """The events that this transaction has recorded and not settled. The first of them makes the session look out for questions about events."""
    if _KEY not in db.info:
        event.listen(db, "do_orm_execute", _settle_before_a_question)
    found: list[_Waiting] = db.info.setdefault(_KEY, [])
    return found


_KEY: Final = "auth.audit"
_SETTLED: Final = "auth.audit settled"  # within a savepoint, and recorded outside it
_RECORDED: Final = "auth.audit recorded"  # in the course of a request, to be told of once it is committed


def settle(db: AnySession) -> None:
    """Give number and hash to all that waits, in the order in which it was recorded. Holds the chain's lock until the transaction ends."""
    waiting: list[_Waiting] = db.info.get(_KEY, [])
    if not waiting:
        return
    taken, waiting[:] = list(waiting), []
    if (
        point := db.get_nested_transaction()
    ) is not None:  # whose end may take back what was recorded before it began
        outer = [(each, point) for each in taken if not _is_within(each.within, point)]
        db.info.setdefault(_SETTLED, []).extend(outer)
    connection = db.connection()
    if connection.dialect.name == "postgresql":  # held first, and then looked
        if not is_sent_blindly(db):
            db.flush()
        last = in_one_way(connection, Question(_TAKE, {"key": _LOCK}), Question(_LAST, {}), first=db.flush)[1]
    else:
        last = [tuple(each) for each in connection.execute(_LAST)]
    seq, previous = last[0] if last else (0, GENESIS)
    for each in taken:
        seq += 1
        each.row.seq, each.row.prev_hash = seq, previous
        each.row.hash = previous = digest(each.row)
        db.add(each.row)
        for opening in each.opened:
            opening.seq = seq
            db.add(opening)
    if connection.dialect.name == "postgresql" and is_sent_blindly(db):
        in_one_way(connection, first=db.flush)  # two tables: the events, and what opens them
    else:
        db.flush()


_TAKE: Final = text("SELECT pg_advisory_xact_lock(:key)")


def _settle_before_a_question(asked: ORMExecuteState) -> None:
    about = {each.class_ for each in asked.all_mappers}
    if AuditEventRow in about or audit_personal.PersonalRow in about:
        settle(asked.session)


@event.listens_for(AnySession, "before_commit")
def _settle_before_the_commit(db: AnySession) -> None:
    if not db.in_nested_transaction():  # what a savepoint holds waits for the transaction around it
        settle(db)


@event.listens_for(AnySession, "after_soft_rollback")
def _taken_back(db: AnySession, ended: SessionTransaction) -> None:
    waiting: list[_Waiting] = db.info.get(_KEY, [])
    settled: list[tuple[_Waiting, SessionTransaction]] = db.info.get(_SETTLED, [])
    again = [each for each, point in settled if _is_within(point, ended)]
    settled[:] = [each for each in settled if not _is_within(each[1], ended)]
    waiting[:] = [each for each in (*again, *waiting) if not _is_within(each.within, ended)]
    if recorded := db.info.get(_RECORDED):
        recorded[:] = [each for each in recorded if not _is_within(each.within, ended)]


def _is_within(inner: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while inner is not None and inner is not outer:
        inner = inner.parent
    return inner is outer


@event.listens_for(AnySession, "after_commit")
def _tell_the_request(db: AnySession) -> None:
    if (asking := ASKING.get()) is None or db.in_nested_transaction():
        return
    recorded: list[_Waiting] = db.info.get(_RECORDED, [])
    asking.written.extend(
        Written(row.id, row.actor_account, row.kind, (row.application_id or row.grant_id) is not None)
        for row in (each.row for each in recorded)
    )


@event.listens_for(AnySession, "after_transaction_end")
def _ended(db: AnySession, ended: SessionTransaction) -> None:
    if ended.parent is None:
        for kept in (_KEY, _SETTLED, _RECORDED):
            db.info.get(kept, []).clear()


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first place where the chain does not hold."""

    seq: int
    what: str


def first_fault(rows: Iterable[AuditEventRow]) -> ChainFault | None:
    """Walk events in order of `seq`; None when every link holds and no number is missing."""
    expected_seq, previous = 1, GENESIS
    for row in rows:
        if row.seq != expected_seq:
            return ChainFault(expected_seq, "missing")
        if row.prev_hash != previous:
            return ChainFault(row.seq, "broken-link")
        if digest(row) != row.hash:
            return ChainFault(row.seq, "altered")
        expected_seq, previous = row.seq + 1, row.hash
    return None


def verify(work: Work) -> tuple[int, ChainFault | None]:
    """Number of events and the first fault, reading the whole chain in batches."""
    count = 0

    def rows() -> Iterable[AuditEventRow]:
        nonlocal count
        wanted = select(AuditEventRow).order_by(col(AuditEventRow.seq)).execution_options(yield_per=1000)
        with work.db.exec(wanted) as found:  # given back too where the walk stops at a fault
            for row in found:
                count += 1
                yield row

    fault = first_fault(rows())
    return count, fault
