"""Proposing a version of the scoring scheme and putting it in force as a second person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, false, true
from sqlmodel import Field, SQLModel, col, func, select

from auth.actor import SYSTEM, Actor
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.delegations.standing import persons
from auth.messages import seconds
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Prose
from auth.profile.service import FOLLOWED, Follower
from auth.profile.standing import Standing, replaces, standing
from auth.roles import Role
from auth.scope import sight
from auth.stored import if_readable
from core.errors import Reason, refuse_if
from core.text import Text
from core.work import Work, hold
from quality.schemes.model import Scheme
from quality.schemes.now import number_now
from quality.schemes.stored import scheme_of
from quality.schemes.tables import SchemeRow
from quality.schemes.workflow import FINAL, MACHINE, State, Step

READ: Final = "quality:scheme:read"


class SchemeProposal(SQLModel):
    """A version that is proposed, whole, and why."""

    model_config = {"extra": "forbid"}
    scheme: Scheme
    reason: Prose = Field(max_length=2000)


class SchemeRead(SQLModel):
    """A version as a reader sees it. `scheme`: in lists and on turning it down, null where this service cannot read it."""

    id: str
    state: State
    version: int
    number: int
    reason: str
    effective_from: date
    scheme: Scheme | None
    created_at: datetime
    standing: Standing
    followed_by: Follower | None = None


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    return true() if sight(actor, READ).everything else false()


def _roles(actor: Actor, _row: SchemeRow) -> frozenset[Role]:
    return actor.roles_in(None)


BOOK: Final = Book(
    kind="scheme", table=SchemeRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by, roles=_roles,
    kinds={"open": "scheme.proposed", Step.CONFIRM: "scheme.activated", Step.REJECT: "scheme.rejected", Step.SUPERSEDE: "scheme.superseded"},
)  # fmt: skip


def propose(work: Work, actor: Actor, body: SchemeProposal) -> SchemeRead:
    """Enter a new version; it counts once a second person has confirmed it and its day has come."""
    need_reason(body.reason)
    hold(work, "scheme")
    number = (work.db.exec(select(func.max(SchemeRow.number))).one() or 0) + 1
    row = SchemeRow(
        **made_by(work, actor), state=State.PROPOSED, number=number, body=body.scheme.model_dump_json(), reason=body.reason,
        effective_from=body.scheme.effective_from,
    )  # fmt: skip
    payload = {"number": number, "scheme": body.scheme.model_dump(mode="json")}
    BOOK.open(work, actor, row, payload, body.reason)
    seconds.call(
        work, actor, "scheme.waits", row.id, hands=[row.created_person], facts={"number": row.number}
    )
    return read(work, row)


def step(work: Work, actor: Actor, scheme_id: str, which: Step, ask: CaseStep) -> SchemeRead:
    """Confirm or reject, as another person than the one who proposed. What is confirmed for a later day stays."""
    hold(work, "scheme")
    row = BOOK.row(work, scheme_id, actor, version=ask.version, to_change=True)
    BOOK.check(actor, row, which)
    refuse_if(tuple(_proposer(work, actor, row, which)))
    if which is Step.REJECT:
        need_reason(ask.note)
    else:
        _content(row)
    BOOK.move(work, actor, row, which, ask.note)
    if which is Step.CONFIRM:
        older = select(SchemeRow).where(SchemeRow.state == State.ACTIVE, SchemeRow.id != row.id)
        for other in list(work.db.exec(older.order_by(col(SchemeRow.number)))):
            if replaces(row.effective_from, other.effective_from, _today(work)):
                BOOK.move(work, SYSTEM, other, Step.SUPERSEDE)
    return read(work, row)


def _proposer(work: Work, actor: Actor, row: SchemeRow, which: Any) -> Iterator[Reason]:
    if which is Step.CONFIRM and row.created_person in persons(work, actor):
        text = Text("该版本由您提出，须由另一人确认。", "You proposed it; another person must confirm.")
        yield Reason("proposer-does-not-confirm", text, "职责分离 · segregation of duties (3)")


def versions(work: Work, actor: Actor, *, limit: int = 200) -> tuple[list[SchemeRead], int]:
    """Every version, newest first, those that cannot be read without what they say."""
    rows, total = BOOK.listed(work, actor, offset=0, limit=limit)
    return [read(work, row) for row in rows], total


def version(work: Work, actor: Actor, scheme_id: str) -> SchemeRead:
    """One version. Raises Unavailable where this service cannot read it."""
    row = BOOK.row(work, scheme_id, actor)
    _content(row)
    return read(work, row)


def commands(work: Work, actor: Actor, scheme_id: str) -> list[Command]:
    row = BOOK.row(work, scheme_id, actor)
    return BOOK.commands(actor, row, lambda which: _proposer(work, actor, row, which))


def read(work: Work, row: SchemeRow) -> SchemeRead:
    """A version as it stands today."""
    counts = row.state == State.ACTIVE and row.number == number_now(work)
    stands = standing(State(row.state), row.effective_from, _today(work), counts=counts)
    more = {
        "scheme": if_readable(_content, row),
        "standing": stands,
        "followed_by": _follower(work, row) if stands in FOLLOWED else None,
    }
    return SchemeRead.model_validate(row, update=more)


def _content(row: SchemeRow) -> Scheme:
    return scheme_of(row.number, row.body)


def _follower(work: Work, row: SchemeRow) -> Follower | None:
    """The next version that is confirmed for a later day than this one's, and than today."""
    later = select(SchemeRow).where(
        SchemeRow.state == State.ACTIVE, col(SchemeRow.effective_from) > max(_today(work), row.effective_from)
    )
    after = work.db.exec(later.order_by(col(SchemeRow.effective_from)).limit(1)).first()
    return Follower.model_validate(after, from_attributes=True) if after else None


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()
