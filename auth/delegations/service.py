"""Naming a deputy, agreeing, declining, ending. What it gives is computed at each use (`auth.identity.principals`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth.actor import Actor
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.delegations import rules
from auth.delegations.rules import Cover, Party, Wish
from auth.delegations.tables import DelegationRow
from auth.delegations.workflow import BUREAU, FINAL, MACHINE, PARTIES, State, Step
from auth.identity.principals import in_person, person_roles_now
from auth.identity.tables import AccountRow
from auth.messages.service import tell
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Prose
from auth.profile.now import limits_now
from auth.roles import LENDABLE, Role
from core.errors import InputRefused, Reason, refuse_if
from core.text import Text
from core.work import Work, hold

READ: Final = "auth:delegation:read"
NAME: Final = "auth:delegation:name"
ANSWER: Final = "auth:delegation:answer"
MOST_DAYS: Final = "delegation_days"
WATCH: Final = "auth:all-delegations:read"


class DelegationCreate(SQLModel):
    """Who stands in, in which of one's roles, for what scope (`*`: all that one has), on which days; both count."""

    model_config = {"extra": "forbid"}
    deputy: Prose = Field(min_length=1, max_length=40)
    role: Role = Role.APPROVER
    scope: Prose = Field(min_length=1, max_length=60)
    starts_on: date
    ends_on: date
    reason: Prose = Field(min_length=2, max_length=500)


class DelegationRead(SQLModel):
    """A delegation as a reader sees it; `counts_today` is computed."""

    id: str
    state: State
    version: int
    principal_name: str
    deputy_name: str
    role: Role
    scope: str
    starts_on: date
    ends_on: date
    reason: str
    counts_today: bool
    note: str
    created_at: datetime
    ended_at: datetime | None


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    if actor.may(WATCH):
        return true()
    return or_(
        col(DelegationRow.created_by) == actor.account_id,
        col(DelegationRow.deputy_account) == actor.account_id,
    )


def _party(actor: Actor, row: DelegationRow) -> str:
    if row.deputy_account == actor.account_id:
        return "deputy"
    return "principal" if row.created_by == actor.account_id else ""


BOOK: Final = Book(
    kind="delegation", table=DelegationRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    roles=lambda actor, row: actor.own_kinds & BUREAU if _party(actor, row) else frozenset(),
    kinds={"open": "delegation.offered", Step.ACCEPT: "delegation.agreed", Step.DECLINE: "delegation.declined", Step.END: "delegation.ended"},
    about=lambda row: {"principal": row.created_person, "deputy": row.deputy_person},
)  # fmt: skip


def offer(work: Work, actor: Actor, body: DelegationCreate) -> DelegationRead:
    """Name a deputy; it counts once he has agreed. AccessRefused with every reason against it."""
    in_person(actor)
    account = work.db.exec(select(AccountRow).where(AccountRow.username == body.deputy)).first()
    if account is None or account.disabled:
        raise InputRefused(
            Text(f"没有可用的账号 {body.deputy}；请核对用户名。", f"There is no account {body.deputy} in use; check the user name."),
            field="deputy",
        )  # fmt: skip
    hold(work, "delegations")
    wish = Wish(body.scope, body.starts_on, body.ends_on, body.role)
    refuse_if(_objections(work, wish, actor.person_id, account.person_id))
    row = DelegationRow(
        **made_by(work, actor), state=State.OFFERED, principal_name=actor.username, deputy_account=account.id,
        deputy_person=account.person_id, deputy_name=account.username, **body.model_dump(exclude={"deputy"}),
    )  # fmt: skip
    facts = body.model_dump(mode="json", exclude={"reason"})
    BOOK.open(work, actor, row, facts, body.reason)
    _tell(work, row, [row.deputy_account], "delegation.offered")
    return read(work, row)


def answer(work: Work, actor: Actor, delegation_id: str, which: Step, body: CaseStep) -> DelegationRead:
    """Agree, decline, or end it at once. What stood against the offer is asked again when the deputy agrees."""
    in_person(actor)
    row = BOOK.row(work, delegation_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, which)
    refuse_if(tuple(_not_a_party(actor, row, which)))
    if which is Step.ACCEPT:
        hold(work, "delegations")
        wish = Wish(row.scope, row.starts_on, row.ends_on, Role(row.role))
        refuse_if(_objections(work, wish, row.created_person, row.deputy_person, without=row.id))
    if which is Step.DECLINE:
        need_reason(body.note)
    facts = {"principal": row.principal_name, "deputy": row.deputy_name, "role": row.role, "scope": row.scope}
    BOOK.move(work, actor, row, which, body.note, facts)
    others = {row.created_by, row.deputy_account} - {actor.account_id}
    _tell(work, row, sorted(others), f"delegation.{MACHINE.moves[(State.OFFERED, which)].to.lower()}")
    return read(work, row)


def _objections(
    work: Work, wish: Wish, principal: str, deputy: str, *, without: str = ""
) -> tuple[Reason, ...]:
    def party(person_id: str) -> Party:
        return Party(person_id, person_roles_now(work, person_id))

    wanted = select(DelegationRow).where(
        col(DelegationRow.state).in_([State.OFFERED, State.AGREED]), DelegationRow.id != without
    )
    others = [
        Cover(row.created_person, row.deputy_person, row.starts_on, row.ends_on)
        for row in work.db.exec(wanted.order_by(col(DelegationRow.id)))
    ]
    return rules.objections(
        wish, party(principal), party(deputy), others, _today(work), most_days=limits_now(work)[MOST_DAYS]
    )


def _not_a_party(actor: Actor, row: DelegationRow, which: Step) -> Iterator[Reason]:
    if _party(actor, row) not in PARTIES[which]:
        text = Text("须由代理人本人答复。", "The deputy answers in person.")
        yield Reason("not-the-deputy", text, rules.BASIS)


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def _tell(work: Work, row: DelegationRow, accounts: list[str], kind: str) -> None:
    facts: dict[str, Any] = {
        "principal": row.principal_name, "deputy": row.deputy_name, "starts_on": row.starts_on.isoformat(),
        "ends_on": row.ends_on.isoformat(),
    }  # fmt: skip
    tell(
        work,
        accounts,
        kind,
        subject=row.id,
        href=f"/delegations/{row.id}",
        once=f"{row.id}|{row.version}",
        facts=facts,
    )


def delegation(work: Work, actor: Actor, delegation_id: str) -> DelegationRead:
    """One delegation; NotFound for whoever is no party to it and watches nothing."""
    return read(work, BOOK.row(work, delegation_id, actor))


def delegations(
    work: Work, actor: Actor, *, state: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[DelegationRead], int]:
    """Delegations in sight, newest first, and their number."""
    met = [col(DelegationRow.state) == state] if state else []
    rows, total = BOOK.listed(work, actor, *met, offset=offset, limit=limit)
    return [read(work, row) for row in rows], total


def commands(work: Work, actor: Actor, delegation_id: str) -> list[Command]:
    """What this party may do with it now."""
    row = BOOK.row(work, delegation_id, actor)
    return [each for each in BOOK.commands(actor, row) if _party(actor, row) in PARTIES[Step(each.step)]]


def lendable_of(actor: Actor) -> dict[Role, list[str]]:
    """What this actor may delegate: each role that he holds himself and may lend, with its scopes."""
    held = {role: sorted(rules.scopes_of(actor.roles, role)) for role in LENDABLE}
    return {role: scopes for role, scopes in held.items() if scopes}


def read(work: Work, row: DelegationRow) -> DelegationRead:
    principal = person_roles_now(work, row.created_person)
    counts = (
        row.state == State.AGREED
        and row.starts_on <= _today(work) <= row.ends_on
        and rules.covers(rules.scopes_of(principal, Role(row.role)), row.scope)
    )
    return DelegationRead.model_validate(row, update={"counts_today": counts})
