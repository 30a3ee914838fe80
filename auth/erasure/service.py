"""Asking for erasure, withdrawing, refusing with what law keeps, carrying out: by a second person, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, true
from sqlmodel import Field, SQLModel, col, func, select

from auth.actor import Actor
from auth.applications.tables import ApplicationEventRow, ApplicationRow
from auth.applications.workflow import FINAL as CLOSED
from auth.applications.workflow import Step as Stage
from auth.audit import AuditEventRow
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.delegations.tables import DelegationRow
from auth.delegations.workflow import FINAL as OVER
from auth.duties.rules import later
from auth.erasure import erasing, mentions, rules
from auth.erasure.places import KEPT
from auth.erasure.rules import Facts
from auth.erasure.tables import ErasureRow
from auth.erasure.workflow import FINAL, MACHINE, State, Step
from auth.grants.tables import GrantEventRow, GrantRow
from auth.grants.workflow import FINAL as ENDED
from auth.identity.principals import in_person, person_roles_now
from auth.identity.tables import AccountRow, PersonRow
from auth.messages import seconds
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from auth.policy.model import Prose
from auth.profile.now import limits_now
from auth.proof.offline import OPENINGS
from auth.roles import Role
from core.errors import Conflict, InputRefused, Reason, refuse_if
from core.text import Text
from core.work import Work, hold

READ: Final = "auth:erasure:read"
DECIDE: Final = "auth:erasure:decide"
_SIGNED: Final = (
    Stage.PROPOSE,
    Stage.CONCUR,
    Stage.OFFER,
    Stage.ACCEPT_TERMS,
)  # who decided on it or signed it
_MONTHS: Final = "personal_log_months"


class ErasureCreate(SQLModel):
    """Whose data, by user name (empty: one's own), and why."""

    model_config = {"extra": "forbid"}
    username: Prose = Field(default="", max_length=40)
    reason: Prose = Field(default="", max_length=500)


class ErasureRead(SQLModel):
    """A request as a reader sees it; `name` is what the person is called now: once erased, a pseudonym."""

    id: str
    state: State
    version: int
    person_id: str
    username: str
    name: dict[str, str]
    reason: str
    note: str
    kept: list[str]
    changed: int
    asked_by: str
    created_at: datetime
    ended_at: datetime | None


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    if actor.may(READ):
        return true()
    return or_(col(ErasureRow.created_by) == actor.account_id, col(ErasureRow.person_id) == actor.person_id)


def _roles(actor: Actor, row: ErasureRow) -> frozenset[Role]:
    """Whoever asked or is concerned is the applicant here, also without any role."""
    is_party = actor.person_id in (row.created_person, row.person_id)
    return actor.own_kinds - {Role.APPLICANT} | ({Role.APPLICANT} if is_party else frozenset())


BOOK: Final = Book(
    kind="erasure", table=ErasureRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    roles=_roles,
    kinds={"open": "erasure.asked", Step.ERASE: "erasure.done", Step.REFUSE: "erasure.refused", Step.WITHDRAW: "erasure.withdrawn"},
)  # fmt: skip


def ask(work: Work, actor: Actor, body: ErasureCreate) -> ErasureRead:
    """Ask that one's own data be erased; administrators ask for others, with a reason. Conflict while another request is open."""
    in_person(actor)
    person_id = actor.person_id
    if body.username and body.username != actor.username:
        actor.demand(DECIDE)
        need_reason(body.reason)
        account = work.db.exec(select(AccountRow).where(AccountRow.username == body.username)).first()
        if account is None:
            raise InputRefused(
                Text(f"没有账号 {body.username}；请核对用户名。", f"There is no account {body.username}; check the user name."),
                field="username",
            )  # fmt: skip
        person_id = account.person_id
    hold(work, "erasures")
    wanted = select(ErasureRow.state).where(ErasureRow.person_id == person_id)
    states = set(work.db.exec(wanted))
    if State.ERASED in states:
        raise Conflict(Text("该人员的个人信息已经删除。", "This person's data were erased already."))
    if State.ASKED in states:
        raise Conflict(Text("已有待办理的删除请求。", "A request for this person waits already."))
    row = ErasureRow(
        **made_by(work, actor), state=State.ASKED, person_id=person_id, reason=body.reason.strip()
    )
    BOOK.open(work, actor, row, {"person": person_id}, body.reason)
    hands = [row.created_person, row.person_id]
    seconds.call(work, actor, "erasure.waits", row.id, hands=hands, facts={"id": row.id[:13]})
    return read(work, row)


def act(work: Work, actor: Actor, erasure_id: str, which: Step, body: CaseStep) -> ErasureRead:
    """Withdraw, refuse, or erase. AccessRefused names what law keeps, and who may not decide."""
    in_person(actor)
    row = BOOK.row(work, erasure_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, which)
    refuse_if(against(work, actor, row, which))
    if which is Step.WITHDRAW:
        BOOK.move(work, actor, row, which, body.note)
        return read(work, row)
    facts: dict[str, Any] = {"person": row.person_id}
    if which is Step.REFUSE:
        found = [reason.code for reason in duties(work, row)]
        if not found:
            need_reason(body.note)
        row.kept = json.dumps(found)
        BOOK.move(work, actor, row, which, body.note, facts | {"kept": found})
        return read(work, row)
    facts["mentions"] = sum(rows for _, rows in mentions.mentions(work, row.person_id))
    who = erasing.gone(work, row.person_id)
    row.changed, taken = erasing.erase(work, who)
    BOOK.move(work, actor, row, which, body.note, facts | {"changed": row.changed, OPENINGS: taken})
    return read(work, row)


def against(work: Work, actor: Actor, row: ErasureRow, which: Step) -> tuple[Reason, ...]:
    """Every reason against this step by this actor now."""
    return tuple(_against(work, actor, row, which))


def _against(work: Work, actor: Actor, row: ErasureRow, which: Step) -> Iterator[Reason]:
    if which is Step.WITHDRAW:
        return
    yield from rules.separation(actor.person_id, row.created_person, row.person_id)
    if which is Step.ERASE:
        yield from duties(work, row)


def duties(work: Work, row: ErasureRow) -> tuple[Reason, ...]:
    """What law keeps of this person at this moment."""
    return rules.kept(_facts(work, row.person_id), _today(work))


def _facts(work: Work, person_id: str) -> Facts:
    mine = list(work.db.exec(select(AccountRow.id).where(AccountRow.person_id == person_id)))
    last = work.db.exec(
        select(func.max(AuditEventRow.at)).where(
            col(AuditEventRow.actor_account).in_(mine), col(AuditEventRow.kind).not_like("erasure.%")
        )
    ).one()
    signed = select(ApplicationEventRow.application_id).where(
        ApplicationEventRow.person_id == person_id,
        col(ApplicationEventRow.step).in_([str(each) for each in _SIGNED]),
    )
    acted = select(GrantEventRow.grant_id).where(GrantEventRow.person_id == person_id)
    live = select(func.count()).where(
        col(GrantRow.state).not_in([str(each) for each in ENDED]),
        or_(col(GrantRow.application_id).in_(signed), col(GrantRow.id).in_(acted)),
    )
    handled = select(ApplicationEventRow.application_id).where(ApplicationEventRow.person_id == person_id)
    cases = select(func.count()).where(
        col(ApplicationRow.state).not_in([str(each) for each in CLOSED]),
        or_(col(ApplicationRow.created_by).in_(mine), col(ApplicationRow.id).in_(handled)),
    )
    covers = select(func.count()).where(
        col(DelegationRow.state).not_in([str(each) for each in OVER]),
        col(DelegationRow.ends_on) >= _today(work),
        or_(col(DelegationRow.created_person) == person_id, col(DelegationRow.deputy_person) == person_id),
    )
    months = max(
        limits_now(work)[_MONTHS], limits()[_MONTHS]
    )  # a profile lengthens what law sets, and never shortens it
    return Facts(
        roles=len(person_roles_now(work, person_id)),
        open_cases=work.db.exec(cases).one() + work.db.exec(covers).one(),
        live_grants=work.db.exec(live).one(),
        logs_until=later(last.astimezone(LOCAL).date(), months) if last else None,
    )


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()


def erasure(work: Work, actor: Actor, erasure_id: str) -> ErasureRead:
    """One request; NotFound for whoever neither asked, nor is concerned, nor watches."""
    return read(work, BOOK.row(work, erasure_id, actor))


def erasures(
    work: Work, actor: Actor, *, state: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[ErasureRead], int]:
    """Requests in sight, newest first, and their number."""
    met = [col(ErasureRow.state) == state] if state else []
    rows, total = BOOK.listed(work, actor, *met, offset=offset, limit=limit)
    return [read(work, row) for row in rows], total


def commands(work: Work, actor: Actor, erasure_id: str) -> list[Command]:
    """What this actor's roles open now, with what stands against each."""
    row = BOOK.row(work, erasure_id, actor)
    return BOOK.commands(actor, row, lambda step: against(work, actor, row, step))


def mentioned(work: Work, actor: Actor, row: ErasureRow) -> list[tuple[str, int]]:
    """Where others wrote the person's name in their own words, and how often, for those who decide; [] once it is settled."""
    return (
        mentions.mentions(work, row.person_id)
        if row.state == State.ASKED and (actor.may(READ) or actor.may(DECIDE))
        else []
    )


def stays() -> list[tuple[str, Text]]:
    """What an erasure leaves, and why."""
    return sorted(KEPT.items())


def read(work: Work, row: ErasureRow) -> ErasureRead:
    person = work.db.get_one(PersonRow, row.person_id)
    names = select(AccountRow.username).where(AccountRow.person_id == row.person_id)
    asker = work.db.get(AccountRow, row.created_by)
    return ErasureRead.model_validate(
        row,
        update={
            "kept": json.loads(row.kept), "username": "、".join(work.db.exec(names.order_by(col(AccountRow.id)))),
            "name": {"zh": person.name_zh, "en": person.name_en}, "asked_by": asker.username if asker else row.created_by,
        },
    )  # fmt: skip
