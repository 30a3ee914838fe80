"""Opening campaigns and evaluations, answering for each grant, and making the answer real: a grant is revoked, or must be amended."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field as Bound
from sqlalchemy import ColumnElement, exists, false, or_, true
from sqlmodel import Field, SQLModel, col, select

from auth import audit
from auth.actor import SYSTEM, Actor
from auth.casework.book import Book, CaseStep, Command, made_by, need_reason
from auth.delegations.standing import doer
from auth.grants import lineage
from auth.grants import queries as grant_queries
from auth.grants import service as grants
from auth.grants.steps import of_own_side
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL as GRANT_FINAL
from auth.grants.workflow import State as GrantState
from auth.messages import audience
from auth.messages.service import tell
from auth.policy.filters.rules import LOCAL
from auth.policy.model import Prose
from auth.profile.now import limits_now
from auth.reviews import cover, rules
from auth.reviews.found import found, granted
from auth.reviews.rules import Progress
from auth.reviews.tables import CampaignRow, PilotRow, ReviewRow
from auth.reviews.workflow import (
    CAMPAIGN_MACHINE,
    FINAL,
    MACHINE,
    STEWARDS,
    UNANSWERED,
    CampaignState,
    CampaignStep,
    Kind,
    State,
    Step,
)
from auth.roles import Role
from auth.scope import roles_towards, sight
from core import calendar
from core.errors import Conflict, InputRefused, Reason, refuse_if
from core.ids import GrantId
from core.text import Text, number_of
from core.work import Work, hold

READ: Final = "auth:review:read"
OPEN: Final = "auth:review:open"
ANSWER: Final = "auth:review:answer"
DECIDE: Final = "auth:review:decide"
CAMPAIGN: Final = "auth:campaign:open"
PILOT: Final = "auth:pilot:mark"
LIVE: Final = (GrantState.ACTIVE, GrantState.SUSPENDED)
Names = Annotated[tuple[Annotated[str, Bound(min_length=1, max_length=255)], ...], Bound(max_length=2000)]


class CampaignOpen(SQLModel):
    """The half year that is certified, as 2026H1; the present one when left out."""

    model_config = {"extra": "forbid"}
    period: str = Field(default="", max_length=10)


class ReviewAnswer(CaseStep):
    """A steward's word on one grant, with the reason. An evaluation says value, complaints and quality besides."""

    outcome: Step
    columns: Names = ()
    value: Prose = Field(default="", max_length=5000)
    complaints: Prose = Field(default="", max_length=5000)
    quality: Prose = Field(default="", max_length=5000)


class PilotMark(SQLModel):
    """Why a grant is a pilot."""

    model_config = {"extra": "forbid"}
    reason: Prose = Field(min_length=4, max_length=2000)


class CampaignRead(SQLModel):
    """A campaign with how far it is."""

    id: str
    period: str
    state: CampaignState
    version: int
    due_on: date
    progress: dict[str, int]
    created_at: datetime
    ended_at: datetime | None


class ReviewRead(SQLModel):
    """A look at a grant. `found`: the use as it is now, or as it was when the answer was given."""

    id: str
    kind: Kind
    campaign_id: str | None
    state: State
    version: int
    grant_id: str
    org_id: str
    department_id: str
    dataset_id: str
    title_zh: str
    title_en: str
    due_on: date
    is_overdue: bool
    is_pilot: bool
    narrow_due_on: date | None
    columns: list[str]
    reason: str
    value: str
    complaints: str
    quality: str
    found: dict[str, Any]
    answered_at: datetime | None
    created_at: datetime


def _seen_by(actor: Actor) -> ColumnElement[bool]:
    seen = sight(actor, READ)
    return true() if seen.everything else or_(false(), col(ReviewRow.department_id).in_(seen.departments))


def _campaign_seen_by(actor: Actor) -> ColumnElement[bool]:
    """The bureau sees every campaign, a department those that ask it about a grant."""
    if sight(actor, READ).everything:
        return true()
    return exists().where(col(ReviewRow.campaign_id) == col(CampaignRow.id), _seen_by(actor))


REVIEWS: Final = Book(
    kind="review", table=ReviewRow, machine=MACHINE, states=State, final=FINAL, seen_by=_seen_by,
    roles=lambda actor, row: roles_towards(actor, org_id="", departments=frozenset({row.department_id})),
    kinds={
        "open": "review.opened", Step.KEEP: "review.kept", Step.NARROW: "review.narrow_proposed", Step.WITHDRAW: "review.withdraw_proposed",
        Step.RETURN: "review.returned", Step.CONFIRM: "review.narrowed", Step.REVOKE: "review.withdrawn", Step.SETTLE: "review.settled",
    },
    ids=lambda row: {"grant_id": row.grant_id, "dataset_id": row.dataset_id},
    says=lambda row: {"review_id": row.id, "kind": row.kind, "due_on": str(row.narrow_due_on or row.due_on)},
)  # fmt: skip
CAMPAIGNS: Final = Book(
    kind="campaign", table=CampaignRow, machine=CAMPAIGN_MACHINE, states=CampaignState, final=frozenset({CampaignState.CLOSED}),
    seen_by=_campaign_seen_by, roles=lambda actor, _: actor.roles_in(None),
    kinds={"open": "campaign.opened", CampaignStep.CLOSE: "campaign.closed"},
    says=lambda row: {"campaign_id": row.id, "period": row.period, "due_on": str(row.due_on)},
)  # fmt: skip


def open_campaign(work: Work, actor: Actor, body: CampaignOpen) -> CampaignRead:
    """Ask every department about each of its live grants; once each half year."""
    period = body.period or rules.half_year(cover.today(work))
    if not rules.PERIOD.fullmatch(period):
        raise InputRefused(Text("期间应如 2026H1。", "The period is written as 2026H1."), field="period")
    hold(work, "campaigns")
    if known := work.db.exec(select(CampaignRow).where(CampaignRow.period == period)).first():
        raise Conflict(
            Text(f"{period} 的复核已发起。", f"The campaign of {period} was opened already."),
            campaign=known.id,
        )
    last = _due(work)
    row = CampaignRow(**made_by(work, actor), state=CampaignState.OPEN, period=period, due_on=last)
    live = select(GrantRow).where(col(GrantRow.state).in_(LIVE), GrantRow.ends_at > work.now)
    held = list(work.db.exec(live.order_by(col(GrantRow.id))))
    CAMPAIGNS.open(work, actor, row, {"period": period, "due_on": str(last), "grants": len(held)})
    for grant in held:
        ask(work, actor, grant, Kind.CERTIFICATION, row.id)
    return campaign(work, actor, row.id)


def close_campaign(work: Work, actor: Actor, campaign_id: str, body: CaseStep) -> CampaignRead:
    """End it; refused while a grant waits for an answer or a decision."""
    row = CAMPAIGNS.row(work, campaign_id, actor, version=body.version, to_change=True)
    CAMPAIGNS.check(actor, row, CampaignStep.CLOSE)
    settle_due(work)
    refuse_if(tuple(_unanswered(work, row)))
    figures = asdict(_progress(work, actor, row.id))
    CAMPAIGNS.move(work, actor, row, CampaignStep.CLOSE, body.note, figures)
    return campaign(work, actor, row.id)


def _unanswered(work: Work, row: CampaignRow) -> Iterator[Reason]:
    wanted = select(ReviewRow.id).where(ReviewRow.campaign_id == row.id, col(ReviewRow.state).in_(UNANSWERED))
    if left := len(list(work.db.exec(wanted))):
        text = Text(
            f"还有 {left} 项授权待答复或待确认。",
            f"{number_of(left, 'grants wait')} for an answer or a decision.",
        )
        yield Reason("campaign-unanswered", text, rules.BASIS, {"left": left})


def evaluate(work: Work, actor: Actor, grant_id: str) -> ReviewRead:
    """Open an evaluation of one grant; one at a time."""
    grant = grant_queries.row(work, GrantId(grant_id), actor)
    hold(work, f"evaluation {grant.id}")
    if grant.activated_at is None:
        raise Conflict(
            Text("授权从未生效，无可评估。", "The grant was never in force; there is nothing to evaluate.")
        )
    wanted = select(ReviewRow.id).where(
        ReviewRow.grant_id == grant.id,
        ReviewRow.kind == Kind.EVALUATION,
        col(ReviewRow.state).in_(UNANSWERED),
    )
    if known := work.db.exec(wanted).first():
        raise Conflict(
            Text("该授权已有在办的评估。", "An evaluation of this grant is open already."), review=known
        )
    return read(work, ask(work, actor, grant, Kind.EVALUATION))


def ask(work: Work, actor: Actor, grant: GrantRow, kind: Kind, campaign_id: str | None = None) -> ReviewRow:
    """Open a look at a grant, and tell the stewards who answer."""
    last = _due(work)
    row = ReviewRow(
        **made_by(work, actor), state=State.OPEN, kind=kind, campaign_id=campaign_id, grant_id=grant.id, org_id=grant.org_id,
        department_id=grant.department_id, dataset_id=grant.dataset_id, title_zh=grant.title_zh, title_en=grant.title_en, due_on=last,
    )  # fmt: skip
    REVIEWS.open(work, actor, row, {"kind": kind.value, "due_on": str(last)})
    people = audience.holders(work, STEWARDS, [row.department_id])
    facts = {"title_zh": row.title_zh, "title_en": row.title_en, "due_on": str(last)}
    tell(work, people, "review.waits", subject=row.id, href=f"/reviews/{row.id}", once=row.id, facts=facts)
    return row


def answer(work: Work, actor: Actor, review_id: str, body: ReviewAnswer) -> ReviewRead:
    """The steward's word: keep counts at once, narrow and withdraw wait for a second person."""
    row = REVIEWS.row(work, review_id, actor, version=body.version, to_change=True)
    REVIEWS.check(actor, row, body.outcome)
    refuse_if(tuple(against(work, actor, row, body.outcome)))
    need_reason(body.note)
    grant = grant_queries.row(work, GrantId(row.grant_id))
    refuse_if(tuple(rules.answer_objections(body.outcome, body.columns, granted(grant))))
    if row.kind == Kind.EVALUATION:
        _need_parts(body)
    row.columns = json.dumps(
        sorted(set(body.columns)) if body.outcome is Step.NARROW else [], ensure_ascii=False
    )
    row.reason, row.value, row.complaints, row.quality = body.note, body.value, body.complaints, body.quality
    row.answered_at, row.found = work.now, json.dumps(asdict(found(work, grant)), ensure_ascii=False)
    facts = {"columns": json.loads(row.columns), "found": json.loads(row.found)}
    return read(work, REVIEWS.move(work, actor, row, body.outcome, body.note, facts))


def _need_parts(body: ReviewAnswer) -> None:
    for name, said in rules.PARTS.items():
        if not getattr(body, name).strip():
            raise InputRefused(
                Text(f"评估须填写“{said.zh}”。", f"An evaluation says “{said.en}”."), field=name
            )


def decide(work: Work, actor: Actor, review_id: str, which: Step, body: CaseStep) -> ReviewRead:
    """The second person: return the answer; confirm a narrowing, which the holder must follow by an amendment; or revoke the grant."""
    row = REVIEWS.row(work, review_id, actor, version=body.version, to_change=True)
    REVIEWS.check(actor, row, which)
    refuse_if(tuple(against(work, actor, row, which)))
    if which is Step.RETURN:
        need_reason(body.note)
    if which is Step.REVOKE:
        note = body.note if len(body.note.strip()) > 3 else row.reason
        proof = Text(f"授权复核 {row.id}", f"Review of the grant {row.id}")
        step = grants.RevokeStep(note=note, evidence=f"{proof.zh} · {proof.en}")
        grants.revoke(work, actor, GrantId(row.grant_id), step, by_two=True)
    if which is Step.CONFIRM:
        days = limits_now(work)["narrow_working_days"]
        row.narrow_due_on = calendar.add_working_days(work.db, cover.today(work), days)
        _tell_holder(work, row)
    return read(work, REVIEWS.move(work, actor, row, which, body.note))


def _tell_holder(work: Work, row: ReviewRow) -> None:
    people = audience.holders(work, [Role.ORG_OFFICER, Role.APPLICANT], [row.org_id])
    facts = {
        "title_zh": row.title_zh, "title_en": row.title_en, "due_on": str(row.narrow_due_on),
        "columns": ", ".join(json.loads(row.columns)),
    }  # fmt: skip
    tell(
        work,
        people,
        "review.narrowed",
        subject=row.id,
        href=f"/grants/{row.grant_id}",
        once=f"{row.id}|{row.version}",
        facts=facts,
    )


def against(work: Work, actor: Actor, row: ReviewRow, which: StrEnum) -> Iterator[Reason]:
    """Nobody of the holder's side answers or decides; and two people: whoever answered does not decide, by whatever account or deputy."""
    yield from of_own_side(work, actor, grant_queries.row(work, GrantId(row.grant_id)))
    if which in (Step.CONFIRM, Step.REVOKE):
        steps = {Step.NARROW.value, Step.WITHDRAW.value}
        newest = [past for past in REVIEWS.past(work, row.id) if past.step in steps]
        if newest and doer(work, actor).did(newest[-1]):
            text = Text(
                "该答复由您作出，须由另一人确认。", "The answer is yours; another person must confirm it."
            )
            yield Reason("answerer-does-not-decide", text, "职责分离 · segregation of duties (3)")


def mark_pilot(work: Work, actor: Actor, grant_id: str, body: PilotMark) -> None:
    """Say that a grant is a pilot: short, and evaluated before it may be renewed. `auth.reviews.pilots` opens its evaluation in time."""
    grant = grant_queries.row(work, GrantId(grant_id), actor, to_change=True)
    if cover.is_pilot(work, grant):
        raise Conflict(Text("该授权已是试点。", "The grant is a pilot already."))
    last = (grant.ends_at - timedelta(seconds=1)).astimezone(LOCAL).date()
    refuse_if(cover.too_long(work, lineage.amended(work, grant), last))
    work.db.add(
        PilotRow(grant_id=grant.id, reason=body.reason, marked_by=actor.account_id, marked_person=actor.person_id, marked_at=work.now)
    )  # fmt: skip
    work.db.flush()
    audit.record(work, actor, "grant.marked_pilot", subject=grant.id, grant_id=grant.id, dataset_id=grant.dataset_id, payload={"reason": body.reason})  # fmt: skip


def settle_due(work: Work) -> int:
    """Settle looks at grants that have ended or were amended meanwhile; each once. Safe at any time.

    What was asked or proposed about a grant that was renewed goes on about the renewal that is in force.
    """
    wanted = (
        select(ReviewRow).join(GrantRow, col(GrantRow.id) == col(ReviewRow.grant_id))
        .where(col(ReviewRow.state).in_([*UNANSWERED, State.NARROWING]), col(GrantRow.state).in_(GRANT_FINAL))
        .where(or_(col(ReviewRow.kind) == Kind.CERTIFICATION, col(ReviewRow.state) == State.NARROWING))
        .order_by(col(ReviewRow.id))
    )  # fmt: skip
    rows = list(work.db.exec(wanted.with_for_update(skip_locked=True, of=ReviewRow)))
    for grant_id in sorted({row.grant_id for row in rows}):
        if renewal := _renewal(work, grant_id):
            cover.carry_over(work, grant_id, renewal.id, granted(renewal))
    left = [row for row in rows if grant_queries.row(work, GrantId(row.grant_id)).state in GRANT_FINAL]
    for row in left:
        REVIEWS.move(work, SYSTEM, row, Step.SETTLE)
    return len(left)


def _renewal(work: Work, grant_id: str) -> GrantRow | None:
    """The grant that renews it and is in force, or waits for its first day."""
    wanted = select(GrantRow).where(GrantRow.succeeds_id == grant_id, col(GrantRow.state).in_(LIVE))
    return work.db.exec(wanted.order_by(col(GrantRow.id))).first()


def is_anything_due(work: Work) -> bool:
    """Whether one is to be settled; only reads."""
    wanted = (
        select(ReviewRow.id).join(GrantRow, col(GrantRow.id) == col(ReviewRow.grant_id))
        .where(col(ReviewRow.state).in_([*UNANSWERED, State.NARROWING]), col(GrantRow.state).in_(GRANT_FINAL))
        .where(or_(col(ReviewRow.kind) == Kind.CERTIFICATION, col(ReviewRow.state) == State.NARROWING))
    )  # fmt: skip
    return work.db.exec(wanted.limit(1)).first() is not None


def campaign(work: Work, actor: Actor, campaign_id: str) -> CampaignRead:
    """One campaign with its figures."""
    return _campaign(work, actor, CAMPAIGNS.row(work, campaign_id, actor))


def campaigns(
    work: Work, actor: Actor, *, offset: int = 0, limit: int = 50
) -> tuple[list[CampaignRead], int]:
    """Campaigns, newest first, and their number."""
    rows, total = CAMPAIGNS.listed(work, actor, offset=offset, limit=limit)
    return [_campaign(work, actor, row) for row in rows], total


def _campaign(work: Work, actor: Actor, row: CampaignRow) -> CampaignRead:
    return CampaignRead.model_validate(row, update={"progress": asdict(_progress(work, actor, row.id))})


def _progress(work: Work, actor: Actor, campaign_id: str) -> Progress:
    """The figures over the grants in the actor's sight."""
    items = work.db.exec(
        select(col(ReviewRow.state), col(ReviewRow.due_on)).where(
            ReviewRow.campaign_id == campaign_id, _seen_by(actor)
        )
    )
    return rules.progress(((State(state), due) for state, due in items), cover.today(work))


def review(work: Work, actor: Actor, review_id: str) -> ReviewRead:
    """One look at a grant; NotFound outside the actor's sight."""
    return read(work, REVIEWS.row(work, review_id, actor))


def reviews(
    work: Work, actor: Actor, *, kind: str = "", state: str = "", campaign_id: str = "", grant_id: str = "", overdue: bool = False,
    offset: int = 0, limit: int = 50,
) -> tuple[list[ReviewRead], int]:  # fmt: skip
    """Looks at grants in sight, those due first, and their number."""
    pairs = (
        (ReviewRow.kind, kind),
        (ReviewRow.state, state),
        (ReviewRow.campaign_id, campaign_id),
        (ReviewRow.grant_id, grant_id),
    )
    met: list[ColumnElement[bool]] = [col(column) == value for column, value in pairs if value]
    if overdue:
        met += [col(ReviewRow.state).in_(UNANSWERED), col(ReviewRow.due_on) < cover.today(work)]
    rows, total = REVIEWS.listed(
        work, actor, *met, order=(col(ReviewRow.due_on),), offset=offset, limit=limit
    )
    return [read(work, row) for row in rows], total


def commands(work: Work, actor: Actor, review_id: str) -> list[Command]:
    """What this actor may do with it now."""
    row = REVIEWS.row(work, review_id, actor)
    return REVIEWS.commands(actor, row, lambda which: against(work, actor, row, which))


def campaign_commands(work: Work, actor: Actor, campaign_id: str) -> list[Command]:
    """Whether this actor may close it now."""
    row = CAMPAIGNS.row(work, campaign_id, actor)
    return CAMPAIGNS.commands(actor, row, lambda _: _unanswered(work, row))


def read(work: Work, row: ReviewRow) -> ReviewRead:
    grant = grant_queries.row(work, GrantId(row.grant_id))
    facts: Mapping[str, Any] = json.loads(row.found) if row.found else asdict(found(work, grant))
    update = {
        "columns": json.loads(row.columns), "found": facts, "is_pilot": cover.is_pilot(work, grant),
        "is_overdue": rules.is_overdue(State(row.state), row.due_on, cover.today(work)),
    }  # fmt: skip
    return ReviewRead.model_validate(row, update=update)


def _due(work: Work) -> date:
    return calendar.add_working_days(
        work.db, cover.today(work), limits_now(work)["review_answer_working_days"]
    )
