"""Drafting, approving and ending plans and agreements. Whoever drafted does not approve."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlmodel import SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from auth.actor import SYSTEM, Actor
from auth.agreements import cover, plan_workflow, rules
from auth.agreements.books import AGREEMENTS, PLANS
from auth.agreements.model import AgreementBody, PlanBody
from auth.agreements.plan_workflow import Step as PlanStep
from auth.agreements.stored import body_of, plan_body_of
from auth.agreements.tables import AgreementRow, PlanRow
from auth.agreements.workflow import State, Step
from auth.casework.book import CaseStep, Command, made_by, need_reason
from auth.delegations.standing import doer, persons
from auth.grants import stopping
from auth.grants.stored import policy_of
from auth.grants.tables import GrantRow
from auth.identity import organisations
from auth.identity.affiliation import controllers
from auth.messages import audience, seconds
from auth.policy.filters.rules import LOCAL
from auth.policy.separation import Past
from auth.profile.now import profile
from auth.proof import standstill
from auth.roles import Role
from auth.stored import if_readable
from core import bases
from core.errors import AccessRefused, InputRefused, Reason, Unavailable, refuse_if
from core.text import Text
from core.work import Work, hold


class PlanBrief(SQLModel):
    """A plan's version as a list shows it. `body`: None where this version does not know its words."""

    id: str
    state: plan_workflow.State
    version: int
    series: str
    number: int
    title: str
    body: PlanBody | None
    created_at: datetime


class PlanRead(PlanBrief):
    """A plan's version as a reader sees it."""

    body: PlanBody


class AgreementBrief(SQLModel):
    """An agreement as a list shows it; `is_in_force` is computed for the day of reading. `body`: None where this version does not know its terms."""

    id: str
    state: State
    version: int
    title: str
    plan_id: str
    operator_id: str
    starts_on: date
    ends_on: date
    body: AgreementBody | None
    is_in_force: bool
    created_at: datetime


class AgreementRead(AgreementBrief):
    """An agreement as a reader sees it."""

    body: AgreementBody


def _may_draft(actor: Actor) -> None:
    if actor.via != "system" and not any(held.scope == "*" and held.lender is None for held in actor.roles):
        text = Text("只有实施机构的人员可以草拟。", "Only people of the implementing body draft.")
        raise AccessRefused(text, reasons=[Reason("not-of-the-bureau", text, bases.ROLES)])


def draft_plan(work: Work, actor: Actor, body: PlanBody, *, series: str = "") -> PlanRead:
    """A new plan, or a new version of one (`series`)."""
    _may_draft(actor)
    fields = made_by(work, actor)
    number = 1
    if series:
        known = list(work.db.exec(select(PlanRow.number).where(PlanRow.series == series)))
        if not known:
            raise PLANS.missing()
        number = max(known) + 1
    row = PlanRow(
        **fields, state=plan_workflow.State.DRAFT, series=series or fields["id"], number=number, title=body.title,
        body=body.model_dump_json(),
    )  # fmt: skip
    return _plan(PLANS.open(work, actor, row, {"title": body.title, "number": number}))


def plan_to_save(work: Work, actor: Actor, plan_id: str) -> PlanRead:
    """The draft that this actor may save now; raises TransitionRefused."""
    row = PLANS.row(work, plan_id, actor)
    PLANS.check(actor, row, PlanStep.SAVE)
    return _plan(row)


def save_plan(work: Work, actor: Actor, plan_id: str, body: PlanBody, version: int | None) -> PlanRead:
    """Replace a draft's text."""
    row = PLANS.row(work, plan_id, actor, version=version, to_change=True)
    PLANS.check(actor, row, PlanStep.SAVE)
    row.title, row.body = body.title, body.model_dump_json()
    return _plan(PLANS.move(work, actor, row, PlanStep.SAVE))


def step_plan(work: Work, actor: Actor, plan_id: str, step: PlanStep, ask: CaseStep) -> PlanRead:
    """Submit, return or approve. Approving a version supersedes the one before."""
    row = PLANS.row(work, plan_id, actor, version=ask.version, to_change=True)
    PLANS.check(actor, row, step)
    refuse_if(tuple(plan_against(work, actor, row, step)))
    if step is PlanStep.RETURN:
        need_reason(ask.note)
    PLANS.move(work, actor, row, step, ask.note)
    if step is PlanStep.SUBMIT:
        seconds.call(
            work, actor, "plan.waits", row.id, row.version, hands=_hands(PLANS.past(work, row.id)),
            facts={"title": row.title},
        )  # fmt: skip
    if step is PlanStep.APPROVE:
        older = select(PlanRow).where(
            PlanRow.series == row.series, PlanRow.id != row.id, PlanRow.state == plan_workflow.State.APPROVED
        )
        for other in list(work.db.exec(older)):
            PLANS.move(work, SYSTEM, other, PlanStep.SUPERSEDE)
    return _plan(row)


def plan_against(work: Work, actor: Actor, row: PlanRow, step: StrEnum) -> Iterator[Reason]:
    """What stands against a step on a plan."""
    if step in (PlanStep.SUBMIT, PlanStep.APPROVE):
        yield from rules.plan_objections(plan_body_of(row))
    if step is PlanStep.APPROVE:
        yield from standstill.against(work, profile(work))
        yield from _drafter(work, actor, PLANS.past(work, row.id))


def draft(work: Work, actor: Actor, body: AgreementBody) -> AgreementRead:
    """A new agreement; it may be incomplete."""
    _may_draft(actor)
    _operator(work, body)
    row = AgreementRow(**made_by(work, actor), state=State.DRAFT, **_facts(body))
    return read(work, AGREEMENTS.open(work, actor, row, {"operator": body.operator_id}))


def save(
    work: Work, actor: Actor, agreement_id: str, body: AgreementBody, version: int | None
) -> AgreementRead:
    """Replace a draft's text."""
    row = AGREEMENTS.row(work, agreement_id, actor, version=version, to_change=True)
    AGREEMENTS.check(actor, row, Step.SAVE)
    _operator(work, body)
    for name, value in _facts(body).items():
        setattr(row, name, value)
    return read(work, AGREEMENTS.move(work, actor, row, Step.SAVE))


def _facts(body: AgreementBody) -> dict[str, Any]:
    return {
        "title": body.title, "plan_id": body.plan_id, "operator_id": body.operator_id, "starts_on": body.starts_on,
        "ends_on": body.ends_on, "body": body.model_dump_json(),
    }  # fmt: skip


def _operator(work: Work, body: AgreementBody) -> None:
    if not organisations.organisation(work, body.operator_id).is_enterprise:
        raise InputRefused(
            Text("运营机构须是企业。", "The operating body must be an enterprise."), field="operator_id"
        )


def step(work: Work, actor: Actor, agreement_id: str, which: Step, ask: CaseStep) -> AgreementRead:
    """Submit, return, activate or terminate."""
    if which in (Step.SUBMIT, Step.ACTIVATE):
        hold(
            work, "agreements/roles"
        )  # one at a time, so that no two that rule each other out pass side by side
    row = AGREEMENTS.row(work, agreement_id, actor, version=ask.version, to_change=True)
    AGREEMENTS.check(actor, row, which)
    refuse_if(tuple(against(work, actor, row, which)))
    if which in (Step.RETURN, Step.TERMINATE):
        need_reason(ask.note)
    if which is Step.TERMINATE:
        return _terminate(work, actor, row, ask.note)
    AGREEMENTS.move(work, actor, row, which, ask.note)
    if which is Step.SUBMIT:
        seconds.call(
            work, actor, "agreement.waits", row.id, row.version, hands=_hands(AGREEMENTS.past(work, row.id)),
            orgs=[row.operator_id], facts={"title": row.title},
        )  # fmt: skip
    return read(work, row)


def _terminate(work: Work, actor: Actor, row: AgreementRow, note: str) -> AgreementRead:
    """Grants that hang on it alone stop at this instant; the operator's people are told, and the departments of those grants."""
    held = [each for each in stopping.of_organisation(work, row.operator_id) if _is_covered(work, each)]
    made = AGREEMENTS.move(work, actor, row, Step.TERMINATE, note)
    stopped = [each for each in held if not _is_covered(work, each)]
    stopping.told(
        work, actor, "agreement.terminated", stopped, subject=row.id, once=row.id, facts={"title": row.title},
        orgs=[row.operator_id],
    )  # fmt: skip
    return read(work, made)


def _is_covered(work: Work, grant: GrantRow) -> bool:
    """Whether no agreement is lacking for the grant today."""
    try:
        return not cover.at_use(work, profile(work), grant.org_id, policy_of(grant).scenario_id)
    except Unavailable:  # out of use already
        return False


def _standing(work: Work, row: AgreementRow) -> list[rules.Other]:
    """The other agreements that stand or wait for approval."""
    wanted = select(AgreementRow).where(
        AgreementRow.id != row.id, col(AgreementRow.state).in_([State.IN_APPROVAL, State.ACTIVE])
    )
    return [
        rules.Other(each.id, each.title, body_of(each))
        for each in work.db.exec(wanted.order_by(col(AgreementRow.id)))
    ]


def against(work: Work, actor: Actor, row: AgreementRow, which: StrEnum) -> Iterator[Reason]:
    """What stands against a step on an agreement."""
    if which in (Step.SUBMIT, Step.ACTIVATE):
        body = body_of(row)
        plan = work.db.get(PlanRow, body.plan_id) if body.plan_id else None
        approved = plan is not None and plan.state == plan_workflow.State.APPROVED
        known = controllers(work)
        yield from rules.agreement_objections(
            body, plan_approved=approved, profile=profile(work), controllers=known
        )
        yield from rules.apart_from(body, _standing(work, row), known)
    if which is Step.ACTIVATE:
        yield from standstill.against(work, profile(work))
        yield from _drafter(work, actor, AGREEMENTS.past(work, row.id))
    if which is not Step.SAVE and row.operator_id in doer(work, actor).orgs:
        text = Text(
            "您属于协议的运营机构，不得由您办理。",
            "You belong to the operating body; somebody else must do it.",
        )
        yield Reason("own-organisation", text, "职责分离 · segregation of duties (1)")


def _hands(past: tuple[Past, ...]) -> set[str]:
    """Who drafted or submitted it."""
    return {event.person_id for event in past if event.step in ("open", "save", "submit")}


def _drafter(work: Work, actor: Actor, past: tuple[Past, ...]) -> Iterator[Reason]:
    if persons(work, actor) & _hands(past):
        text = Text(
            "您草拟或提交了该文件，须由另一人批准。",
            "You drafted or submitted it; another person must approve.",
        )
        yield Reason("drafter-does-not-approve", text, "职责分离 · segregation of duties (3)")


def _over(work: Work) -> SelectOfScalar[AgreementRow]:
    today = work.now.astimezone(LOCAL).date()
    return select(AgreementRow).where(AgreementRow.state == State.ACTIVE, col(AgreementRow.ends_on) < today)


def is_anything_due(work: Work) -> bool:
    """Whether an end is to be noted; only reads."""
    return work.db.exec(_over(work).limit(1)).first() is not None


def end_due(work: Work) -> int:
    """Note the end of agreements whose last day is over; cover is computed, so nothing waits for this."""
    rows = list(work.db.exec(_over(work).with_for_update(skip_locked=True)))
    for row in rows:
        AGREEMENTS.move(work, SYSTEM, row, Step.END)
        _tell_of_end(work, row)
    return len(rows)


def _tell_of_end(work: Work, row: AgreementRow) -> None:
    """The operator's people, and who looks after agreements, hear of it, with the number of grants that it held and nothing holds now."""
    body = if_readable(body_of, row)
    scenarios = frozenset(body.scenarios) if body else frozenset()
    stopped = [
        each
        for each in stopping.of_organisation(work, row.operator_id)
        if _scenario(each) in scenarios and not _is_covered(work, each)
    ]
    stopping.told(
        work, SYSTEM, "agreement.ended", stopped, subject=row.id, once=row.id,
        facts={"title": row.title, "ends_on": row.ends_on.isoformat()}, orgs=[row.operator_id],
        also=[*audience.holders(work, [Role.APPROVER], []), row.created_by],
    )  # fmt: skip


def _scenario(grant: GrantRow) -> str:
    """ "" where the policy cannot be read: out of use already."""
    try:
        return policy_of(grant).scenario_id
    except Unavailable:
        return ""


def plan(work: Work, actor: Actor, plan_id: str) -> PlanRead:
    return _plan(PLANS.row(work, plan_id, actor))


def plans(
    work: Work, actor: Actor, *, state: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[PlanBrief], int]:
    rows, total = PLANS.listed(
        work, actor, *([col(PlanRow.state) == state] if state else []), offset=offset, limit=limit
    )
    return [
        PlanBrief.model_validate(row, update={"body": if_readable(plan_body_of, row)}) for row in rows
    ], total


def agreement(work: Work, actor: Actor, agreement_id: str) -> AgreementRead:
    """One agreement; NotFound outside the actor's sight."""
    return read(work, AGREEMENTS.row(work, agreement_id, actor))


def agreements(
    work: Work, actor: Actor, *, state: str = "", operator: str = "", offset: int = 0, limit: int = 50
) -> tuple[list[AgreementBrief], int]:
    """Agreements in sight, newest first, and their number."""
    met = [col(AgreementRow.state) == state] if state else []
    met += [col(AgreementRow.operator_id) == operator] if operator else []
    rows, total = AGREEMENTS.listed(work, actor, *met, offset=offset, limit=limit)
    return [
        AgreementBrief.model_validate(row, update=_told(work, row, if_readable(body_of, row))) for row in rows
    ], total


def commands(work: Work, actor: Actor, agreement_id: str) -> list[Command]:
    row = AGREEMENTS.row(work, agreement_id, actor)
    return AGREEMENTS.commands(actor, row, lambda which: against(work, actor, row, which))


def plan_commands(work: Work, actor: Actor, plan_id: str) -> list[Command]:
    row = PLANS.row(work, plan_id, actor)
    return PLANS.commands(actor, row, lambda which: plan_against(work, actor, row, which))


def read(work: Work, row: AgreementRow) -> AgreementRead:
    return AgreementRead.model_validate(row, update=_told(work, row, body_of(row)))


def _told(work: Work, row: AgreementRow, body: AgreementBody | None) -> dict[str, Any]:
    today = work.now.astimezone(LOCAL).date()
    counts = row.state == State.ACTIVE and row.starts_on <= today <= row.ends_on
    return {"body": body, "is_in_force": counts and body is not None}


def _plan(row: PlanRow) -> PlanRead:
    return PlanRead.model_validate(row, update={"body": plan_body_of(row)})
