"""Asking for registration, formal review, public notice, giving the code. Who submits, who reviews and who registers are three people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, true
from sqlmodel import Field, SQLModel, col, exists, func, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import PLATFORM, SYSTEM, Actor
from auth.asset import Asset, out_of_reach
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.casework.tables import CaseEventRow
from auth.delegations.standing import persons
from auth.messages import seconds
from auth.messages.tables import ReminderRow
from auth.policy.model import Prose
from auth.profile.now import limits_now
from auth.registrations import cover, rules
from auth.registrations.rules import Body, Standing
from auth.registrations.stored import body_of
from auth.registrations.tables import RegistrationRow
from auth.registrations.workflow import (
    CERTIFIERS,
    FINAL,
    MACHINE,
    PUBLIC,
    REGISTRANT,
    REVIEWERS,
    Act,
    State,
    Step,
)
from auth.roles import Role
from auth.scope import sight
from auth.stored import if_readable
from core import calendar
from core.errors import InputRefused, Reason, refuse_if
from core.ids import DatasetId
from core.text import Text
from core.work import Work, hold

READ: Final = "auth:registration:read"
WRITE: Final = "auth:registration:write"
REVIEW: Final = "auth:registration:review"
CERTIFY: Final = "auth:registration:certify"
Assets = Callable[[DatasetId], Asset]


class RegistrationCreate(SQLModel):
    """An act on a dataset of the actor's department."""

    model_config = {"extra": "forbid"}
    dataset_id: Prose = Field(min_length=1, max_length=120)
    act: Act = Act.FIRST
    body: Body = Body()


class RegistrationSave(CaseStep):
    """The whole of what is handed in, anew."""

    body: Body


class RegistrationCertify(CaseStep):
    """`code`: the national code, where the national platform gave one; ours otherwise."""

    code: Prose = Field(default="", max_length=100)


class RegistrationRead(SQLModel):
    """An act as a reader sees it. `body` is the department's and the bureau's; the public reads the rest once it is on notice.

    `is_readable`: false where `body` is missing because this version cannot read it.
    """

    id: str
    act: Act
    number: int
    state: State
    version: int
    dataset_id: str
    department_id: str
    title_zh: str
    title_en: str
    body: Body | None
    is_readable: bool
    code: str
    review_due_on: date | None
    notice_from: date | None
    notice_to: date | None
    valid_from: date | None
    valid_to: date | None
    is_valid: bool
    is_overdue: bool
    note: str
    created_at: datetime


def _sees_all(actor: Actor) -> bool:
    return actor.via == "system" or sight(actor, READ).everything


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    if _sees_all(actor):
        return true()
    return or_(
        col(RegistrationRow.state).in_(PUBLIC),
        col(RegistrationRow.department_id).in_(sight(actor, READ).departments),
    )


def _roles(actor: Actor, row: RegistrationRow) -> frozenset[Role]:
    """Stewards act for their department; review and registration are the bureau's."""
    return frozenset(
        held.role
        for held in actor.roles
        if held.lender is None
        and (
            (held.role in REGISTRANT and held.scope in (row.department_id, PLATFORM))
            or (held.role in REVIEWERS | CERTIFIERS and held.scope == PLATFORM)
        )
    )


BOOK: Final = Book(
    kind="registration", table=RegistrationRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by, roles=_roles,
    kinds={
        "open": "registration.drafted", Step.SAVE: "registration.saved", Step.SUBMIT: "registration.submitted", Step.DROP: "registration.dropped",
        Step.RETURN: "registration.returned", Step.PASS: "registration.noticed", Step.REFUSE: "registration.refused",
        Step.OBJECT: "registration.objected", Step.CERTIFY: "registration.registered", Step.SUPERSEDE: "registration.superseded",
    },
    ids=lambda row: {"dataset_id": row.dataset_id},
)  # fmt: skip


def draft(work: Work, actor: Actor, body: RegistrationCreate, *, assets: Assets) -> RegistrationRead:
    """Begin an act; one at a time on a dataset."""
    asset = assets(DatasetId(body.dataset_id))
    if not actor.may_in(WRITE, asset.org_id):
        raise out_of_reach(
            asset,
            Text(
                "没有这个数据集，或不属于您的部门。",
                "There is no such dataset, or it is not your department's.",
            ),
        )
    hold(work, f"registration {asset.dataset_id}")
    refuse_if(tuple(rules.act_objections(body.act, cover.entries(work, asset.dataset_id))))
    newest = select(func.max(RegistrationRow.number)).where(RegistrationRow.dataset_id == asset.dataset_id)
    row = RegistrationRow(
        **made_by(work, actor), state=State.DRAFT, act=body.act, number=(work.db.exec(newest).one() or 0) + 1,
        dataset_id=asset.dataset_id, department_id=asset.org_id, title_zh=asset.title.zh, title_en=asset.title.en,
        body=body.body.model_dump_json(),
    )  # fmt: skip
    return read(work, actor, BOOK.open(work, actor, row, {"act": row.act}))


def save(work: Work, actor: Actor, registration_id: str, body: RegistrationSave) -> RegistrationRead:
    """Replace what is handed in, while it is a draft."""
    row = _loaded(work, actor, registration_id, Step.SAVE, body)
    row.body = body.body.model_dump_json()
    return read(work, actor, BOOK.move(work, actor, row, Step.SAVE, body.note))


def step(work: Work, actor: Actor, registration_id: str, which: Step, body: CaseStep) -> RegistrationRead:
    """Submit, drop, return, pass, refuse, or uphold an objection. What turns it down needs a reason."""
    row = _loaded(work, actor, registration_id, which, body)
    refuse_if(tuple(against(work, actor, row, which)))
    if which in (Step.RETURN, Step.REFUSE, Step.OBJECT):
        need_reason(body.note)
    if which is Step.PASS:
        body_of(row)  # nobody passes what cannot be read
    today, known = cover.today(work), limits_now(work)
    if which in (Step.SUBMIT, Step.OBJECT):
        row.review_due_on = calendar.add_working_days(
            work.db, today, known["registration_review_working_days"]
        )
        row.notice_from = row.notice_to = None
    if which is Step.PASS:
        row.notice_from, row.notice_to = today, None
        if Act(row.act) in rules.NOTICED:
            row.notice_to = calendar.add_working_days(
                work.db, today, known["registration_notice_working_days"]
            )
    BOOK.move(work, actor, row, which, body.note)
    if row.state == State.SUBMITTED:
        facts = {"title_zh": row.title_zh, "title_en": row.title_en, "due_on": str(row.review_due_on)}
        hands = _hands(work, row, _HANDED_IN)
        seconds.call(work, actor, "registration.waits", row.id, row.version, hands=hands, facts=facts)
    if which is Step.PASS and row.notice_to is None:
        _call_certifiers(work, actor, row)
    return read(work, actor, row)


_HANDED_IN: Final = frozenset({"open", Step.SAVE, Step.SUBMIT})
_READY: Final = "registration.ready"


def _call_certifiers(work: Work, actor: Actor, row: RegistrationRow) -> None:
    facts = {"title_zh": row.title_zh, "title_en": row.title_en}
    hands = _hands(work, row, _HANDED_IN | {Step.PASS})
    seconds.call(work, actor, _READY, row.id, row.version, hands=hands, facts=facts)


def _notice_over(work: Work) -> SelectOfScalar[RegistrationRow]:
    """Acts whose public notice has ended and of which nobody was told so."""
    last = col(RegistrationRow.notice_to)
    told = exists().where(
        col(ReminderRow.kind) == _READY, col(ReminderRow.subject) == RegistrationRow.id, col(ReminderRow.ends_on) == last
    )  # fmt: skip
    wanted = select(RegistrationRow).where(
        RegistrationRow.state == State.NOTICE, last < cover.today(work), ~told
    )
    return wanted.order_by(col(RegistrationRow.id))


def is_anything_due(work: Work) -> bool:
    """Whether somebody is to be told that a public notice has ended; only reads."""
    return work.db.exec(_notice_over(work).limit(1)).first() is not None


def tell_due(work: Work) -> int:
    """Tell those who may give the code that a public notice has ended; returns of how many acts. Safe at any time and in several processes."""
    hold(work, "reminders")
    found = list(work.db.exec(_notice_over(work)))
    for row in found:
        if row.notice_to is not None:
            work.db.add(
                ReminderRow(kind=_READY, subject=row.id, ends_on=row.notice_to, days_before=-1, at=work.now)
            )
        _call_certifiers(work, SYSTEM, row)
    work.db.flush()
    return len(found)


def _hands(work: Work, row: RegistrationRow, steps: frozenset[str]) -> set[str]:
    return {past.person_id for past in BOOK.past(work, row.id) if past.step in steps}


def certify(work: Work, actor: Actor, registration_id: str, body: RegistrationCertify) -> RegistrationRead:
    """Register: the code, the validity, and the act before it is superseded, in one transaction."""
    row = _loaded(work, actor, registration_id, Step.CERTIFY, body)
    hold(work, "registration codes")
    refuse_if(tuple(against(work, actor, row, Step.CERTIFY)))
    body_of(row)
    older = work.db.exec(
        select(RegistrationRow).where(
            RegistrationRow.dataset_id == row.dataset_id, RegistrationRow.state == State.REGISTERED
        )
    ).first()
    before, today = cover.entry(older) if older else None, cover.today(work)
    row.code = _typed(work, row, body.code.strip()) or (
        older.code if older and row.act != Act.FIRST else _code(work, today)
    )
    years = limits_now(work)["registration_years"]
    row.valid_from, row.valid_to = rules.validity(Act(row.act), before, today, years)
    if older is not None:
        BOOK.move(work, SYSTEM, older, Step.SUPERSEDE)
    facts = {"act": row.act, "code": row.code, "valid_to": str(row.valid_to)}
    return read(work, actor, BOOK.move(work, actor, row, Step.CERTIFY, body.note, facts))


def _typed(work: Work, row: RegistrationRow, code: str) -> str:
    """A code given by hand. InputRefused where another dataset's registration has or had it, or where it looks like one that is counted here."""
    if not code:
        return code
    holders = set(work.db.exec(select(RegistrationRow.dataset_id).where(RegistrationRow.code == code)))
    if holders - {row.dataset_id}:
        raise InputRefused(
            Text(
                f"登记码 {code} 已属于另一数据集的登记；请核对后另填，或留空由系统编号。",
                f"The code {code} belongs to another dataset's registration: check it, or leave it empty and it is counted here.",
            ),
            field="code",
        )
    if rules.COUNTED.fullmatch(code) and not holders:
        raise InputRefused(
            Text(
                f"{code} 是系统自编登记码的形式；请填写登记机构给出的登记码，或留空由系统编号。",
                f"{code} looks like a code counted here: enter the one that the registry gave, or leave it empty.",
            ),
            field="code",
        )
    return code


def _code(work: Work, today: date) -> str:
    """The next code of the year: `REG-2026-000001`. What was typed and looks otherwise is not counted."""
    begins = f"REG-{today.year}-"
    given = select(RegistrationRow.code).where(col(RegistrationRow.code).startswith(begins))
    counted = (code for code in work.db.exec(given) if rules.COUNTED.fullmatch(code))
    return f"{begins}{max((int(code[-6:]) for code in counted), default=0) + 1:06d}"


def against(work: Work, actor: Actor, row: RegistrationRow, which: StrEnum) -> Iterator[Reason]:
    """What stands against a step: what is missing, the notice that runs, and three people."""
    if which == Step.SUBMIT:
        yield from rules.gaps(Act(row.act), body_of(row))
    if which in (Step.PASS, Step.REFUSE, Step.CERTIFY):
        steps = _HANDED_IN | ({Step.PASS} if which == Step.CERTIFY else set())
        if persons(work, actor) & _hands(work, row, steps):
            text = Text(
                "登记的填报、审核与赋码须由不同的人办理。",
                "Who hands in, who reviews and who registers are different people.",
            )
            yield Reason("registration-people", text, "职责分离 · segregation of duties (2, 3)")
    if which == Step.CERTIFY:
        yield from rules.notice_objections(row.notice_to, cover.today(work))


def registration(work: Work, actor: Actor, registration_id: str) -> RegistrationRead:
    """One act. Raises NotFound outside the actor's sight, Unavailable where he may read what was handed in and this version cannot."""
    row = BOOK.row(work, registration_id, actor)
    if _is_inside(actor, row):
        body_of(row)
    return read(work, actor, row)


def registrations(
    work: Work, actor: Actor, *, state: str = "", act: str = "", dataset_id: str = "", text: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[RegistrationRead], int]:  # fmt: skip
    """Acts in sight, newest first, and their number; those that cannot be read without what was handed in. `text`: in title or code."""
    pairs = (
        (RegistrationRow.state, state),
        (RegistrationRow.act, act),
        (RegistrationRow.dataset_id, dataset_id),
    )
    met: list[ColumnElement[bool]] = [col(column) == value for column, value in pairs if value]
    if text:
        fields = (RegistrationRow.title_zh, RegistrationRow.title_en, RegistrationRow.code)
        met.append(or_(*(col(field).contains(text, autoescape=True) for field in fields)))
    rows, total = BOOK.listed(work, actor, *met, offset=offset, limit=limit)
    return [read(work, actor, row) for row in rows], total


def standing_of(work: Work, dataset_id: str) -> tuple[Standing, date | None]:
    """Where a dataset stands in the register today."""
    return cover.standing(work, dataset_id)


def history(work: Work, actor: Actor, registration_id: str) -> list[CaseEventRow]:
    """Its steps, for the department and the bureau."""
    row = BOOK.row(work, registration_id, actor)
    return BOOK.events(work, row.id) if _is_inside(actor, row) else []


def commands(work: Work, actor: Actor, registration_id: str) -> list[Command]:
    """What this actor may do with it now."""
    row = BOOK.row(work, registration_id, actor)
    return BOOK.commands(actor, row, lambda which: against(work, actor, row, which))


def _is_inside(actor: Actor, row: RegistrationRow) -> bool:
    return _sees_all(actor) or row.department_id in sight(actor, READ).departments


def _loaded(work: Work, actor: Actor, registration_id: str, which: Step, body: CaseStep) -> RegistrationRow:
    row = BOOK.row(work, registration_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, which)
    return row


def read(work: Work, actor: Actor, row: RegistrationRow) -> RegistrationRead:
    today, inside = cover.today(work), _is_inside(actor, row)
    is_valid = (
        row.state == State.REGISTERED
        and row.act != Act.CANCELLATION
        and row.valid_to is not None
        and row.valid_to >= today
    )
    body = if_readable(body_of, row) if inside else None
    update: dict[str, Any] = {
        "body": body, "is_readable": not inside or body is not None, "note": row.note if inside else "", "is_valid": is_valid,
        "is_overdue": row.state == State.SUBMITTED and row.review_due_on is not None and today > row.review_due_on,
    }  # fmt: skip
    return RegistrationRead.model_validate(row, update=update)
