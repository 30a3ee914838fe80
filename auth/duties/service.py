"""Noting duties exactly once, and what becomes of them: handed in, returned, waived."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import Field as Bound
from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth.actor import SYSTEM, Actor
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.delegations.standing import doer
from auth.duties import overdue, rules
from auth.duties.rules import Due
from auth.duties.tables import DutyRow
from auth.duties.workflow import FINAL, KIND_NAMES, MACHINE, Kind, Standing, State, Step
from auth.grants import queries as grants
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL as GRANT_FINAL
from auth.messages import audience
from auth.messages.service import tell
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Prose
from auth.profile.now import limits_now
from auth.roles import Role
from auth.scope import roles_towards, sight
from core.errors import InputRefused, Reason, refuse_if
from core.ids import GrantId
from core.text import Text
from core.work import Work, hold

READ: Final = "auth:duty:read"
_LEAST_WORDS: Final = 10


class Attachment(SQLModel):
    """A document kept by whoever hands in; its hash proves later which one it was."""

    model_config = {"extra": "forbid"}
    name: Prose = Field(min_length=1, max_length=200)
    sha256: Annotated[str, Bound(pattern="^[0-9a-f]{64}$")]


Digest = Annotated[str, Bound(pattern="^[0-9a-f]{64}$")]


class UseReport(SQLModel):
    """What is handed in: the report or certificate in words, and the hashes of what belongs to it. `deleted`: the files that are certified as deleted."""

    model_config = {"extra": "forbid"}
    note: Prose = Field(default="", max_length=2000)
    text: Prose = Field(max_length=20_000)
    attachments: Annotated[tuple[Attachment, ...], Bound(max_length=50)] = ()
    deleted: Annotated[tuple[Digest, ...], Bound(max_length=10_000)] = ()


class DutyAnswer(UseReport):
    """The answer to a duty, as it was seen."""

    version: int | None = Field(default=None, ge=1)


class DutyRead(SQLModel):
    """A duty as a reader sees it; `standing` is computed for the day of reading."""

    id: str
    state: State
    standing: Standing
    version: int
    grant_id: str
    org_id: str
    dataset_id: str
    title_zh: str
    title_en: str
    kind: Kind
    period: str
    due_on: date
    text: str
    attachments: list[dict[str, Any]]
    deleted: list[str]
    fulfilled_at: datetime | None
    waiver: str
    created_at: datetime


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    if seen.everything:
        return true()
    return or_(false(), col(DutyRow.org_id).in_(seen.orgs), col(DutyRow.department_id).in_(seen.departments))


BOOK: Final = Book(
    kind="duty",
    table=DutyRow,
    machine=MACHINE,
    states=State,
    kinds={"open": "duty.opened", Step.FULFIL: "duty.fulfilled", Step.RETURN: "duty.returned", Step.WAIVE: "duty.waived",
           Step.CONTINUE: "duty.continued"},
    final=FINAL,
    seen_by=_seen_by,
    roles=lambda actor, row: roles_towards(actor, org_id=row.org_id, departments=frozenset({row.department_id})),
    ids=lambda row: {"grant_id": row.grant_id, "dataset_id": row.dataset_id},
    says=lambda row: {"duty_id": row.id, "kind": row.kind, "due_on": str(row.due_on)},
)  # fmt: skip


def note(work: Work, row: GrantRow) -> int:
    """Enter the duties that the grant has by now; each exactly once, whoever notes them."""
    hold(work, f"duties {row.id}")
    missing = overdue.missing(work, row, limits_now(work))
    for due in missing:
        _told(work, _enter(work, SYSTEM, row, due), "duty.opened")
    return len(missing)


def pass_on(work: Work, old: GrantRow, new: GrantRow) -> None:
    """With the activation of a renewal: data that it goes on with are deleted at its end, not at the end of the grant before."""
    if not overdue.is_continued(work, old, limits_now(work)):
        return
    wanted = select(DutyRow).where(
        DutyRow.grant_id == old.id, DutyRow.kind == Kind.DELETION_CERTIFICATE, DutyRow.state == State.OPEN
    )
    for row in work.db.exec(wanted.with_for_update()).all():
        BOOK.move(work, SYSTEM, row, Step.CONTINUE, "", {"renewed_by": new.id})


def _enter(work: Work, actor: Actor, row: GrantRow, due: Due) -> DutyRow:
    made = DutyRow(
        **made_by(work, actor), state=State.OPEN, grant_id=row.id, org_id=row.org_id, department_id=row.department_id,
        dataset_id=row.dataset_id, title_zh=row.title_zh, title_en=row.title_en, kind=due.kind, period=due.period, due_on=due.due_on,
    )  # fmt: skip
    facts = {"kind": due.kind.value, "period": due.period, "due_on": str(due.due_on)}
    return BOOK.open(work, actor, made, facts)


def _told(work: Work, row: DutyRow, kind: str) -> None:
    """The officers of the holder, who hand it in, and the people who apply for it."""
    name = KIND_NAMES[Kind(row.kind)]
    facts = {
        "id": row.grant_id[:13], "title_zh": row.title_zh, "title_en": row.title_en, "kind_zh": name.zh,
        "kind_en": name.en.lower(), "due_on": row.due_on.isoformat(),
    }  # fmt: skip
    people = audience.holders(work, [Role.ORG_OFFICER, Role.APPLICANT], [row.org_id])
    href, once = f"/duties/{row.id}", f"{row.id}|{row.version}"
    tell(work, people, kind, subject=row.id, href=href, once=once, facts=facts)


def _owing(work: Work) -> Iterable[GrantRow]:
    """Grants that may have a duty without a row: ended without an end report, or old enough for a periodic one."""
    reported = exists().where(col(DutyRow.grant_id) == col(GrantRow.id), col(DutyRow.period) == "end")
    ended = or_(col(GrantRow.state).in_(GRANT_FINAL), col(GrantRow.ends_at) <= work.now)
    old = and_(col(GrantRow.state).not_in(GRANT_FINAL), col(GrantRow.activated_at) < _a_period_ago(work))
    wanted = select(GrantRow).where(col(GrantRow.activated_at).is_not(None), or_(and_(ended, ~reported), old))
    return work.db.exec(wanted.order_by(col(GrantRow.id)))


def _a_period_ago(work: Work) -> datetime:
    day = rules.later(overdue.today(work), -limits_now(work)["use_report_months"])
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=LOCAL)


def is_anything_due(work: Work) -> bool:
    """Whether a duty is to be entered; only reads."""
    return any(overdue.missing(work, row, limits_now(work)) for row in _owing(work))


def note_due(work: Work) -> int:
    """Enter every duty that time or a step has made. Safe to run at any time and in several processes."""
    return sum(note(work, row) for row in list(_owing(work)))


def overdue_reasons(work: Work, org_id: str) -> tuple[Reason, ...]:
    """What an organisation owes beyond its day, noted or not; () when nothing."""
    return tuple(rules.overdue(*due) for due in overdue.of_org(work, limits_now(work), org_id))


def renewal_objections(work: Work, grant_id: str) -> tuple[Reason, ...]:
    """Why a grant may not be renewed yet: no use report of it has been handed in."""
    wanted = select(DutyRow.id).where(
        DutyRow.grant_id == grant_id, DutyRow.kind == Kind.USE_REPORT, DutyRow.state == State.FULFILLED
    )
    return () if work.db.exec(wanted.limit(1)).first() else (rules.report_missing(grant_id),)


def fulfil(work: Work, actor: Actor, duty_id: str, body: DutyAnswer) -> DutyRead:
    """Hand in the report or certificate."""
    row = BOOK.row(work, duty_id, actor, version=body.version, to_change=True)
    return _hand_in(work, actor, row, body)


def _hand_in(work: Work, actor: Actor, row: DutyRow, body: UseReport) -> DutyRead:
    BOOK.check(actor, row, Step.FULFIL)
    if len(body.text.strip()) < _LEAST_WORDS:
        raise InputRefused(
            Text(f"请用至少 {_LEAST_WORDS} 个字说明。", f"Say it in {_LEAST_WORDS} characters or more."),
            field="text",
        )
    if row.kind == Kind.DELETION_CERTIFICATE and not body.attachments:
        raise InputRefused(
            Text(
                "销毁证明须附证明文件的 SHA-256。",
                "A deletion certificate needs the SHA-256 of its document.",
            ),
            field="attachments",
        )
    if row.kind != Kind.DELETION_CERTIFICATE and body.deleted:
        raise InputRefused(
            Text(
                "只有销毁证明才列明已删除的文件。",
                "Only a deletion certificate names files that were deleted.",
            ),
            field="deleted",
        )
    row.deleted = json.dumps(sorted(set(body.deleted)))
    row.text, row.fulfilled_at = body.text, work.now
    row.attachments = json.dumps([each.model_dump() for each in body.attachments], ensure_ascii=False)
    hashes = [each.sha256 for each in body.attachments]
    return read(
        work, BOOK.move(work, actor, row, Step.FULFIL, body.note, {"attachments": hashes} | _named(body))
    )


def _named(body: UseReport) -> dict[str, list[str]]:
    return {"deleted": sorted(set(body.deleted))} if body.deleted else {}


def report_early(work: Work, actor: Actor, grant_id: str, body: UseReport) -> DutyRead:
    """Hand in a use report of a grant before one is due, as a renewal needs it."""
    grant = grants.row(work, GrantId(grant_id), actor, to_change=True)
    taken = select(DutyRow.id).where(
        DutyRow.grant_id == grant.id, col(DutyRow.period).startswith(rules.EARLY)
    )
    number = len(work.db.exec(taken).all()) + 1
    row = _enter(work, actor, grant, Due(Kind.USE_REPORT, f"{rules.EARLY}{number}", overdue.today(work)))
    return _hand_in(work, actor, row, body)


def send_back(work: Work, actor: Actor, duty_id: str, body: CaseStep) -> DutyRead:
    """What was handed in does not do: it is open again, with a reason."""
    return _judge(work, actor, duty_id, body, Step.RETURN)


def waive(work: Work, actor: Actor, duty_id: str, body: CaseStep) -> DutyRead:
    """Let the organisation off, with a reason."""
    return _judge(work, actor, duty_id, body, Step.WAIVE)


def _judge(work: Work, actor: Actor, duty_id: str, body: CaseStep, step: Step) -> DutyRead:
    row = BOOK.row(work, duty_id, actor, version=body.version, to_change=True)
    BOOK.check(actor, row, step)
    refuse_if(tuple(_own(work, actor, row)))
    need_reason(body.note)
    if step is Step.WAIVE:
        row.waiver = body.note
    else:
        row.due_on = rules.mend_by(Kind(row.kind), row.due_on, overdue.today(work), limits_now(work))
    BOOK.move(work, actor, row, step, body.note, {"due_on": str(row.due_on)} if step is Step.RETURN else None)
    _told(work, row, "duty.returned" if step is Step.RETURN else "duty.waived")
    return read(work, row)


def _own(work: Work, actor: Actor, row: DutyRow) -> Iterator[Reason]:
    if row.org_id in doer(work, actor).orgs:
        text = Text(
            "您属于该机构，不得由您办理。", "You belong to that organisation; somebody else must do it."
        )
        yield Reason("own-organisation", text, "职责分离 · segregation of duties (1)")


def duty(work: Work, actor: Actor, duty_id: str) -> DutyRead:
    """One duty; NotFound outside the actor's sight."""
    return read(work, BOOK.row(work, duty_id, actor))


def duties(
    work: Work,
    actor: Actor,
    *,
    standing: str = "",
    grant_id: str = "",
    org_id: str = "",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[DutyRead], int]:
    """Duties in sight, those due first at the top, and their number."""
    today = overdue.today(work)
    conditions: list[ColumnElement[bool]] = []
    if standing:
        conditions.append(col(DutyRow.state) == ("OPEN" if standing == "overdue" else standing.upper()))
    if standing in ("open", "overdue"):
        conditions.append(
            and_(col(DutyRow.due_on) < today, overdue.WAS_DUE)
            if standing == "overdue"
            else or_(col(DutyRow.due_on) >= today, not_(overdue.WAS_DUE))
        )
    conditions += [col(DutyRow.grant_id) == grant_id] if grant_id else []
    conditions += [col(DutyRow.org_id) == org_id] if org_id else []
    rows, total = BOOK.listed(
        work, actor, *conditions, order=(col(DutyRow.due_on),), offset=offset, limit=limit
    )
    return [read(work, row) for row in rows], total


def commands(work: Work, actor: Actor, duty_id: str) -> list[Command]:
    """What this actor may do with it now."""
    row = BOOK.row(work, duty_id, actor)
    return BOOK.commands(actor, row, lambda step: () if step is Step.FULFIL else _own(work, actor, row))


def read(work: Work, row: DutyRow) -> DutyRead:
    return DutyRead.model_validate(
        row,
        update={
            "standing": rules.standing(row.state, row.due_on, overdue.today(work), row.period),
            "attachments": json.loads(row.attachments),
            "deleted": json.loads(row.deleted),
        },
    )
