"""Stating a need, accepting it for the public list, passing it on to a department, answering it; and others who need it too."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import Field as Bound
from sqlalchemy import ColumnElement, func, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import PLATFORM, Actor
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.casework.tables import CaseEventRow
from auth.demands import rules
from auth.demands.rules import Days
from auth.demands.tables import DemandRow, DemandVoteRow
from auth.demands.workflow import (
    DEPARTMENT,
    DESK,
    FINAL,
    MACHINE,
    NEEDS_DATASET,
    PUBLIC,
    STATE_NAMES,
    Outcome,
    State,
    Step,
)
from auth.identity import organisations
from auth.identity.tables import OrgKind
from auth.messages import audience
from auth.messages.service import tell
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Prose
from auth.profile.now import limits_now
from auth.roles import Role
from auth.scope import sight
from core import calendar
from core.errors import InputRefused, NotFound, refuse_if
from core.text import Text
from core.work import Work, hold

READ: Final = "auth:demand:read"
ANSWER: Final = "auth:demand:answer"
HANDLE: Final = "auth:demand:handle"
TitleOf = Callable[[str], Text]
Order = Literal["-created", "due", "-votes"]


class DemandCreate(SQLModel):
    """What is needed, in words; no names and no contact."""

    model_config = {"extra": "forbid"}
    title: Prose = Field(min_length=4, max_length=120)
    need: Prose = Field(min_length=10, max_length=2000)
    purpose: Prose = Field(default="", max_length=500)


class DemandAssign(CaseStep):
    """The department that is to look into it."""

    department_id: Prose = Field(min_length=1, max_length=60)


class DemandReply(CaseStep):
    """What the department says to the bureau."""

    reply: Prose = Field(min_length=4, max_length=5000)


class DemandAnswer(CaseStep):
    """The bureau's answer, the datasets that it points to, and whether everybody may read it."""

    outcome: Outcome
    answer: Prose = Field(min_length=4, max_length=5000)
    dataset_ids: Annotated[tuple[Annotated[str, Bound(max_length=80)], ...], Bound(max_length=20)] = ()
    is_public: bool = True


class DemandRead(SQLModel):
    """A need as this reader sees it; `is_overdue` is computed for the day of reading. Who asked is not told; `reply` is the bureau's and its department's."""

    id: str
    state: State
    version: int
    title: str
    need: str
    purpose: str
    department_id: str
    due_on: date
    next_due_on: date | None
    is_overdue: bool
    outcome: Outcome | None
    answer: str
    is_answer_public: bool
    dataset_ids: list[str]
    reply: str
    votes: int
    is_mine: bool
    is_voted: bool
    created_at: datetime
    answered_at: datetime | None


def _sees_all(actor: Actor) -> bool:
    return actor.via == "system" or sight(actor, READ).everything


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    """Everybody sees what was accepted, each also his own and his organisation's, a department what was passed on to it, the bureau all."""
    if _sees_all(actor):
        return true()
    seen: list[ColumnElement[bool]] = [col(DemandRow.state).in_(PUBLIC)]
    if actor.person_id:
        seen.append(col(DemandRow.created_person) == actor.person_id)
    if actor.org_id:
        seen.append(col(DemandRow.created_org) == actor.org_id)
    return or_(*seen)


def _roles(actor: Actor, row: DemandRow) -> frozenset[Role]:
    """The desk's roles count platform-wide, a department's only in the department that has it."""
    desk = {held.role for held in actor.roles if held.scope == PLATFORM and held.role in DESK}
    return frozenset(
        desk
        | {held.role for held in actor.roles if held.scope == row.department_id and held.role in DEPARTMENT}
    )


BOOK: Final = Book(
    kind="demand", table=DemandRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by, roles=_roles,
    kinds={
        "open": "demand.received", Step.ACCEPT: "demand.accepted", Step.ASSIGN: "demand.assigned", Step.HANDLE: "demand.handled",
        Step.RETURN: "demand.returned", Step.ANSWER: "demand.answered", Step.DISMISS: "demand.dismissed",
    },
)  # fmt: skip


def state_need(work: Work, actor: Actor, body: DemandCreate) -> DemandRead:
    """Enter a need. Of one person only so many a day are taken: the register is not to be flooded."""
    hold(work, f"demands of {actor.person_id}")
    known, today = limits_now(work), _today(work)
    start = datetime.combine(today, datetime.min.time(), LOCAL)
    mine = select(func.count()).where(
        col(DemandRow.created_person) == actor.person_id, col(DemandRow.created_at) >= start
    )
    if work.db.exec(mine).one() >= (most := known["demands_per_day"]):
        refuse_if((rules.too_many(most),))
    row = DemandRow(
        **made_by(work, actor), state=State.RECEIVED, **body.model_dump(),
        due_on=calendar.add_working_days(work.db, today, known["demand_working_days"]),
        accept_due_on=calendar.add_working_days(work.db, today, known["demand_accept_working_days"]),
    )  # fmt: skip
    BOOK.open(work, actor, row, {"due_on": str(row.due_on)})
    _tell_next(work, actor, row)
    return read(work, actor, row)


def step(work: Work, actor: Actor, demand_id: str, which: Step, body: CaseStep) -> DemandRead:
    """Accept for the public list; dismiss (spam, somebody's personal data, no need for data) or send back, with a reason."""
    row = _loaded(work, actor, demand_id, which, body)
    if which is not Step.ACCEPT:
        need_reason(body.note)
    if which is Step.RETURN:
        row.department_due_on = None
    return _moved(work, actor, row, which, body.note)


def assign(work: Work, actor: Actor, demand_id: str, body: DemandAssign) -> DemandRead:
    """Pass it on to a department; its clock starts anew."""
    row = _loaded(work, actor, demand_id, Step.ASSIGN, body)
    known = {
        each.id: each for each in organisations.organisations(work) if each.kind == OrgKind.SOURCE_DEPARTMENT
    }
    if body.department_id not in known:
        raise InputRefused(
            Text(
                f"没有数源部门 {body.department_id}。", f"There is no source department {body.department_id}."
            ),
            field="department_id",
        )
    days = limits_now(work)["demand_department_working_days"]
    row.department_id, row.reply = body.department_id, ""
    row.department_due_on = calendar.add_working_days(work.db, _today(work), days)
    return _moved(work, actor, row, Step.ASSIGN, body.note, {"department_id": row.department_id})


def handle(work: Work, actor: Actor, demand_id: str, body: DemandReply) -> DemandRead:
    """The department says what it has; the bureau makes the answer of it."""
    row = _loaded(work, actor, demand_id, Step.HANDLE, body)
    row.reply = body.reply
    return _moved(work, actor, row, Step.HANDLE, body.note)


def answer(
    work: Work, actor: Actor, demand_id: str, body: DemandAnswer, *, public_title: TitleOf
) -> DemandRead:
    """Answer in words, pointing to datasets that everybody may see."""
    row = _loaded(work, actor, demand_id, Step.ANSWER, body)
    if body.outcome in NEEDS_DATASET and not body.dataset_ids:
        raise InputRefused(
            Text("请填写对应的数据集。", "Name the datasets that meet the need."), field="dataset_ids"
        )
    for dataset_id in body.dataset_ids:
        _known(dataset_id, public_title)
    row.outcome, row.answer, row.answered_at = body.outcome, body.answer, work.now
    row.is_answer_public = body.is_public
    row.dataset_ids = json.dumps(list(dict.fromkeys(body.dataset_ids)))
    facts = {
        "outcome": body.outcome.value,
        "dataset_ids": list(body.dataset_ids),
        "is_public": body.is_public,
    }
    return _moved(work, actor, row, Step.ANSWER, body.note, facts)


def vote(work: Work, actor: Actor, demand_id: str, *, wanted: bool) -> DemandRead:
    """Need it too, or no longer; each person counts once, and whoever asked does not."""
    row = BOOK.row(work, demand_id, actor, to_change=True)
    if row.created_person == actor.person_id:
        refuse_if((rules.own_need(),))
    if row.state not in PUBLIC or row.state in FINAL:
        refuse_if((rules.not_shown(),))
    mine = work.db.exec(
        select(DemandVoteRow).where(
            DemandVoteRow.demand_id == row.id, DemandVoteRow.person_id == actor.person_id
        )
    ).first()
    if (mine is not None) == wanted:
        return read(work, actor, row)
    if mine is None:
        work.db.add(DemandVoteRow(id=work.new_id(), demand_id=row.id, person_id=actor.person_id, at=work.now))
    else:
        work.db.delete(mine)
    row.votes += 1 if wanted else -1
    work.db.add(row)
    work.db.flush()
    audit.record(work, actor, "demand.voted", subject=row.id, payload={"wanted": wanted, "votes": row.votes})
    return read(work, actor, row)


def demand(work: Work, actor: Actor, demand_id: str) -> DemandRead:
    """One need; NotFound outside the actor's sight."""
    return read(work, actor, BOOK.row(work, demand_id, actor))


def demands(
    work: Work, actor: Actor, *, state: str = "", dataset_id: str = "", department_id: str = "", text: str = "",
    mine: bool = False, sort: Order = "-created", offset: int = 0, limit: int = 50,
) -> tuple[list[DemandRead], int]:  # fmt: skip
    """Needs in sight and their number. `dataset_id`: those whose public answer points to it; `mine`: stated by the actor."""
    met: list[ColumnElement[bool]] = [col(DemandRow.state) == state] if state else []
    if dataset_id:
        met += [col(DemandRow.dataset_ids).contains(json.dumps(dataset_id), autoescape=True)]
        met += [] if _sees_all(actor) else [col(DemandRow.is_answer_public).is_(True)]
    met += [col(DemandRow.department_id) == department_id] if department_id else []
    met += [col(DemandRow.title).contains(text, autoescape=True)] if text else []
    met += [col(DemandRow.created_person) == actor.person_id] if mine else []
    orders = {"-created": (), "due": (col(DemandRow.due_on),), "-votes": (col(DemandRow.votes).desc(),)}
    rows, total = BOOK.listed(work, actor, *met, order=orders[sort], offset=offset, limit=limit)
    return [read(work, actor, row) for row in rows], total


def commands(work: Work, actor: Actor, demand_id: str) -> list[Command]:
    """What this actor may do with it now."""
    return BOOK.commands(actor, BOOK.row(work, demand_id, actor))


def history(work: Work, actor: Actor, demand_id: str) -> list[CaseEventRow]:
    """Its steps, for the bureau and the department that has it; it says who asked, so nobody else is told."""
    row = BOOK.row(work, demand_id, actor)
    return BOOK.events(work, row.id) if _is_bureau(actor, row) else []


def _is_bureau(actor: Actor, row: DemandRow) -> bool:
    return _sees_all(actor) or (
        bool(row.department_id) and row.department_id in sight(actor, READ).departments
    )


def read(work: Work, actor: Actor, row: DemandRow) -> DemandRead:
    state, days = State(row.state), Days(row.accept_due_on, row.department_due_on, row.due_on)
    is_mine = bool(actor.person_id) and row.created_person == actor.person_id
    is_own = is_mine or (actor.org_id is not None and row.created_org == actor.org_id)
    is_bureau = _is_bureau(actor, row)
    told = rules.is_told(is_public=row.is_answer_public, is_own=is_own, is_bureau=is_bureau)
    return DemandRead.model_validate(
        row,
        update={
            "next_due_on": rules.due(state, days), "is_overdue": rules.is_overdue(state, days, _today(work)),
            "outcome": row.outcome or None, "answer": row.answer if told else "",
            "dataset_ids": json.loads(row.dataset_ids) if told else [], "reply": row.reply if is_bureau else "",
            "is_mine": is_mine, "is_voted": _has_voted(work, actor, row.id),
        },
    )  # fmt: skip


def _has_voted(work: Work, actor: Actor, demand_id: str) -> bool:
    if not actor.person_id:
        return False
    wanted = select(DemandVoteRow.id).where(
        DemandVoteRow.demand_id == demand_id, DemandVoteRow.person_id == actor.person_id
    )
    return work.db.exec(wanted).first() is not None


def _loaded(work: Work, actor: Actor, demand_id: str, which: Step, body: CaseStep) -> DemandRow:
    row = BOOK.row(work, demand_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, which)
    return row


def _moved(
    work: Work,
    actor: Actor,
    row: DemandRow,
    which: Step,
    note: str,
    facts: Mapping[str, object] | None = None,
) -> DemandRead:
    BOOK.move(work, actor, row, which, note, facts)
    _tell_next(work, actor, row)
    if row.created_by != actor.account_id and which in (Step.ACCEPT, Step.ANSWER, Step.DISMISS):
        tell(
            work,
            [row.created_by],
            "demand.moved",
            subject=row.id,
            href=f"/demands/{row.id}",
            once=_once(row),
            facts=_facts(row),
        )
    return read(work, actor, row)


def _tell_next(work: Work, actor: Actor, row: DemandRow) -> None:
    """Tell whoever has the next word, but not the one who just acted."""
    if row.state in FINAL:
        return
    roles, scopes = (DEPARTMENT, [row.department_id]) if row.state == State.ASSIGNED else (DESK, [])
    people = [each for each in audience.holders(work, roles, scopes) if each != actor.account_id]
    tell(
        work,
        people,
        "demand.waits",
        subject=row.id,
        href=f"/demands/{row.id}",
        once=_once(row),
        facts=_facts(row),
    )


def _once(row: DemandRow) -> str:
    return f"{row.id}|{row.version}"


def _facts(row: DemandRow) -> dict[str, str]:
    name = STATE_NAMES[State(row.state)]
    last = rules.due(State(row.state), Days(row.accept_due_on, row.department_due_on, row.due_on))
    return {"title": row.title, "state_zh": name.zh, "state_en": name.en, "due_on": str(last or row.due_on)}


def _known(dataset_id: str, public_title: TitleOf) -> None:
    try:
        public_title(dataset_id)
    except NotFound as gone:
        raise InputRefused(
            Text(
                f"没有公开的数据集 {dataset_id}；请核对资源代码。",
                f"There is no public dataset {dataset_id}; check the resource code.",
            ),
            field="dataset_ids",
        ) from gone


def _today(work: Work) -> date:
    return work.now.astimezone(LOCAL).date()
