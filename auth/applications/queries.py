"""Reading applications. Every list starts from what the actor may see; drafts are seen by their own organisation alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    or_,
    true,
)
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from auth.actor import Actor, RoleAt
from auth.applications.models import ApplicationAsk
from auth.applications.rules import Approval, PlanLine, Stage, approval, stages
from auth.applications.tables import (
    ApplicationCoApplicantRow,
    ApplicationEventRow,
    ApplicationHandlerRow,
    ApplicationInvitationRow,
    ApplicationLineRow,
    ApplicationReviewRow,
    ApplicationRow,
    ApplicationStageRow,
)
from auth.applications.workflow import ANSWERED, FINAL, LIVE, State, Step
from auth.identity.tables import AccountRow
from auth.policy.filters.rules import LOCAL
from auth.policy.separation import RETURNED_IN_REVIEW, SIGNS, Past
from auth.policy.stages import DECISION
from auth.profile.now import profile
from auth.roles import Role
from auth.scope import ENTERPRISE, Sight, sight
from core.errors import NotFound
from core.ids import ApplicationId
from core.recalled import recalled, recalled_rows
from core.text import Text
from core.work import Asked, Work, rows

READ = "auth:application:read"
_REVIEWERS = frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY})


def _of_departments(departments: frozenset[str]) -> ColumnElement[bool]:
    """Some line is of these departments; looks for lines of its own, whatever the query around it reads."""
    return (
        exists()
        .where(
            col(ApplicationLineRow.application_id) == col(ApplicationRow.id),
            col(ApplicationLineRow.department_id).in_(departments),
        )
        .correlate(ApplicationRow)
    )


def _bureau_sees(seen: Sight) -> ColumnElement[bool]:
    reach = true() if seen.everything else _of_departments(seen.departments)
    return and_(reach, col(ApplicationRow.submitted_at).is_not(None))


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a list within the actor's sight."""
    if actor.via == "system":
        return true()
    seen = sight(actor, READ)
    found = or_(false(), col(ApplicationRow.org_id).in_(seen.orgs), _bureau_sees(seen))
    if not seen.everything and actor.covers(READ) and actor.role_kinds & _REVIEWERS:
        found = or_(found, _is_invited(actor))
    return or_(found, _assisted(actor)) if Role.CLERK in actor.role_kinds and actor.covers(READ) else found


def _is_invited(actor: Actor) -> ColumnElement[bool]:
    """Invited to vote in the present turn, or lent the role of somebody who is."""
    people = {actor.person_id, *(held.lender.person_id for held in actor.roles if held.lender)}
    seat = ApplicationInvitationRow
    return exists().where(
        col(seat.application_id) == col(ApplicationRow.id), col(seat.turn) == col(ApplicationRow.turn),
        col(seat.ended_at).is_(None), col(seat.person_id).in_(sorted(people)),
    )  # fmt: skip


def invited(work: Work, row: ApplicationRow) -> list[ApplicationInvitationRow]:
    """Invitations of the present turn that stand."""
    seat = ApplicationInvitationRow
    wanted = select(seat).where(
        seat.application_id == row.id, seat.turn == row.turn, col(seat.ended_at).is_(None)
    )
    return list(work.db.exec(wanted.order_by(col(seat.id))))


_CO_APPLICANTS: Final = (
    select(ApplicationCoApplicantRow)
    .join(AccountRow, col(AccountRow.id) == col(ApplicationCoApplicantRow.account_id))
    .join(ApplicationRow, col(ApplicationRow.id) == col(ApplicationCoApplicantRow.application_id))
    .where(
        col(ApplicationRow.id) == bindparam("application_id"), col(ApplicationCoApplicantRow.ended_at).is_(None),
        col(AccountRow.org_id) == col(ApplicationRow.org_id), col(AccountRow.disabled).is_(False),
    )
    .order_by(col(ApplicationCoApplicantRow.id))
)  # fmt: skip


def co_applicants(work: Work, row: ApplicationRow) -> list[ApplicationCoApplicantRow]:
    """Who stands named to fill it in besides its applicants; nobody who left the organisation, or whose account is shut."""

    def ask() -> list[ApplicationCoApplicantRow]:
        return rows(work, _CO_APPLICANTS, application_id=row.id)

    return [*recalled(work, (ApplicationCoApplicantRow, AccountRow), row.id, ask)]


def _shared_with(actor: Actor) -> ColumnElement[bool]:
    """Named a co-applicant, and of that organisation still."""
    seat = ApplicationCoApplicantRow
    return (col(ApplicationRow.org_id) == actor.org_id) & exists().where(
        col(seat.application_id) == col(ApplicationRow.id), col(seat.ended_at).is_(None),
        col(seat.account_id) == actor.account_id,
    )  # fmt: skip


def _assisted(actor: Actor) -> ColumnElement[bool]:
    """What this person drafted for an enterprise, as its clerk."""
    return col(ApplicationRow.assisted_person) == actor.person_id


def _waiting_for(actor: Actor, today: date) -> ColumnElement[bool]:
    """Applications on which this actor's roles have the next word."""
    state, due = col(ApplicationRow.state), col(ApplicationRow.due_on)
    in_time = or_(due.is_(None), due >= today)
    found: list[ColumnElement[bool]] = [false()]
    if actor.org_id is not None and actor.role_kinds & ENTERPRISE:
        found.append(_shared_with(actor) & in_time & state.in_([State.DRAFT, State.RETURNED]))
    for held in actor.roles:
        own = col(ApplicationRow.org_id) == held.scope
        reach = true() if held.scope == "*" else col(ApplicationLineRow.department_id) == held.scope
        line = exists().where(col(ApplicationLineRow.application_id) == col(ApplicationRow.id), reach)
        match held.role:
            case Role.APPLICANT:
                found.append(own & in_time & state.in_([State.DRAFT, State.RETURNED]))
            case Role.CLERK:
                found.append(_assisted(actor) & in_time & state.in_([State.DRAFT, State.RETURNED]))
            case Role.ORG_OFFICER:
                found.append(own & in_time & (state == State.OFFERED))
            case Role.REVIEWER_BUSINESS:
                found.append(line & (state == State.SUBMITTED))
                found.append((_open_stage(actor, held) | _is_asked(actor)) & (state == State.IN_REVIEW))
            case Role.REVIEWER_SECURITY:
                found.append(
                    (line & _open_stage(actor, held) | _is_asked(actor)) & (state == State.IN_REVIEW)
                )
            case Role.APPROVER:
                found.append(_line_wants(actor, held) & (state == State.DECIDING))
            case _:
                pass
    return or_(*found)


def _open_stage(actor: Actor, held: RoleAt) -> ColumnElement[bool]:
    """A stage of the present turn for this role that has too few votes; none in this turn is this person's, given by him or for him."""
    stage = aliased(ApplicationStageRow)
    vote = aliased(ApplicationReviewRow)
    cast = (
        select(func.count())
        .select_from(vote)
        .where(
            col(vote.application_id) == col(stage.application_id),
            col(vote.turn) == col(stage.turn),
            col(vote.stage) == col(stage.stage),
        )
        .correlate(stage)
        .scalar_subquery()
    )
    of_scope = or_(
        col(stage.department_id).is_(None),
        true() if held.scope == "*" else col(stage.department_id) == held.scope,
    )
    return and_(
        exists().where(
            col(stage.application_id) == col(ApplicationRow.id),
            col(stage.turn) == col(ApplicationRow.turn),
            col(stage.role) == held.role.value,
            of_scope,
            cast < col(stage.quorum),
        ),
        ~_has_voted(actor),
    )  # fmt: skip


def _has_voted(actor: Actor) -> ColumnElement[bool]:
    """A vote of the present turn is this person's, given by him or for him."""
    vote = aliased(ApplicationReviewRow)
    return exists().where(
        col(vote.application_id) == col(ApplicationRow.id),
        col(vote.turn) == col(ApplicationRow.turn),
        col(vote.person_id).in_(_persons(actor)) | col(vote.for_person).in_(_persons(actor)),
    )


def _is_asked(actor: Actor) -> ColumnElement[bool]:
    """Invited to vote, and has not."""
    return _is_invited(actor) & ~_has_voted(actor)


def _persons(actor: Actor) -> set[str]:
    """This person and those for whom he stands in."""
    return {actor.person_id, *(each.lender.person_id for each in actor.roles if each.lender)}


def _line_wants(actor: Actor, held: RoleAt) -> ColumnElement[bool]:
    """A line within this role's scope that wants a decision or signature of this person: it has too few, and none of his.

    Counted since the line was last objected to, or the whole application countered or returned.
    """
    line, event, mine = (
        aliased(ApplicationLineRow),
        aliased(ApplicationEventRow),
        aliased(ApplicationEventRow),
    )
    stage = aliased(ApplicationStageRow)
    persons = _persons(actor)

    def since(step: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401 - an alias of the events
        return [
            col(step.application_id) == col(line.application_id),
            col(step.turn) == col(ApplicationRow.turn),
            col(step.step).in_(sorted(SIGNS)),
            _names(step, line),
            col(step.version) > _last_reset(line),
        ]

    signed = select(func.count()).select_from(event).where(*since(event)).correlate(line, ApplicationRow)
    own = exists().where(*since(mine), col(mine.person_id).in_(persons) | col(mine.for_person).in_(persons))
    needed = (
        select(col(stage.quorum))
        .where(
            col(stage.application_id) == col(ApplicationRow.id), col(stage.turn) == col(ApplicationRow.turn)
        )
        .where(col(stage.stage) == DECISION)
        .correlate(ApplicationRow)
        .scalar_subquery()
    )
    return exists().where(
        col(line.application_id) == col(ApplicationRow.id),
        true() if held.scope == "*" else col(line.department_id) == held.scope,
        signed.scalar_subquery() < func.coalesce(needed, 1),
        ~own.correlate(line, ApplicationRow),
    )


def _names(step: Any, line: Any) -> ColumnElement[bool]:  # noqa: ANN401 - aliases
    """Whether an event speaks of the line; one that names no lines speaks of all."""
    return or_(
        col(step.line_ids) == "", col(step.line_ids).contains(literal('"') + col(line.id) + literal('"'))
    )


def _last_reset(line: Any) -> Any:  # noqa: ANN401 - an alias, a subquery
    reset = aliased(ApplicationEventRow)
    whole = col(reset.step).in_([Step.COUNTER.value, Step.RETURN.value])
    wanted = (
        select(func.coalesce(func.max(col(reset.version)), 0))
        .where(col(reset.application_id) == col(line.application_id))
        .where(or_(whole, and_(col(reset.step) == Step.DISSENT.value, _names(reset, line))))
    )
    return wanted.correlate(line).scalar_subquery()


def missing() -> NotFound:
    return NotFound(
        Text(
            "没有这份申请，或不在您可见的范围内。", "There is no such application, or it is not yours to see."
        )
    )


def row(
    work: Work, application_id: ApplicationId, actor: Actor, *, to_change: bool = False
) -> ApplicationRow:
    """The application's row, within sight; `to_change` holds it until the transaction ends. Raises NotFound."""
    if to_change:
        return _held(work, application_id, actor)
    wanted = select(ApplicationRow).where(ApplicationRow.id == application_id, seen_by(actor))
    if (found := work.db.exec(wanted.execution_options(populate_existing=True)).first()) is None:
        raise missing()
    return found


# Asked many times within one decision, so they are put together once.
_OF_APPLICATION: Final[BindParameter[Any]] = bindparam("application_id")
_OF_TURN: Final = (
    select(ApplicationRow.turn).where(col(ApplicationRow.id) == _OF_APPLICATION).scalar_subquery()
)
_HELD: Final = (
    select(ApplicationRow)
    .where(col(ApplicationRow.id) == _OF_APPLICATION)
    .with_for_update()
    .execution_options(populate_existing=True)
)
_LINES: Final = (
    select(ApplicationLineRow)
    .where(col(ApplicationLineRow.application_id) == _OF_APPLICATION)
    .order_by(col(ApplicationLineRow.position))
)
_STAGES: Final = (
    select(ApplicationStageRow)
    .where(
        col(ApplicationStageRow.application_id) == _OF_APPLICATION, col(ApplicationStageRow.turn) == _OF_TURN
    )
    .order_by(col(ApplicationStageRow.position))
)
_REVIEWS: Final = (
    select(ApplicationReviewRow)
    .where(
        col(ApplicationReviewRow.application_id) == _OF_APPLICATION,
        col(ApplicationReviewRow.turn) == _OF_TURN,
    )
    .order_by(col(ApplicationReviewRow.id))
)
_EVENTS: Final = (
    select(ApplicationEventRow)
    .where(col(ApplicationEventRow.application_id) == _OF_APPLICATION)
    .order_by(col(ApplicationEventRow.version))
)


def _held(work: Work, application_id: ApplicationId, actor: Actor) -> ApplicationRow:
    """Held first and looked at then, so that it is one statement for everybody."""
    found = rows(work, _HELD, application_id=application_id)
    if not found or not (_is_within(work, found[0], actor) or _is_named(work, found[0], actor)):
        raise missing()
    return found[0]


def _is_within(work: Work, found: ApplicationRow, actor: Actor) -> bool:
    """Whether one of the actor's roles reaches the application by its organisation or its departments, as `seen_by` has it."""
    seen = sight(actor, READ)
    if actor.via == "system" or found.org_id in seen.orgs:
        return True
    reach = seen.everything or not seen.departments.isdisjoint(departments(work, found.id))
    return reach and found.submitted_at is not None


def _is_named(work: Work, found: ApplicationRow, actor: Actor) -> bool:
    """Whether `seen_by` lets the actor see it for another reason."""
    wanted = select(ApplicationRow.id).where(ApplicationRow.id == found.id, seen_by(actor))
    return work.db.exec(wanted).first() is not None


def of_step(application_id: ApplicationId) -> tuple[Asked, ...]:
    """What every step on an application asks: its row, held, and all that is on record of it."""
    asked: dict[str, object] = {"application_id": application_id}
    return tuple((each, asked) for each in (_HELD, _LINES, _STAGES, _EVENTS, _REVIEWS, _CO_APPLICANTS))


def lines(work: Work, application_id: str) -> list[ApplicationLineRow]:
    def ask() -> list[ApplicationLineRow]:
        return rows(work, _LINES, application_id=application_id)

    return [*recalled_rows(work, ApplicationLineRow, application_id, ask)]


def departments(work: Work, application_id: str) -> frozenset[str]:
    return frozenset(line.department_id for line in lines(work, application_id))


def plan_lines(work: Work, application_id: str) -> list[PlanLine]:
    return [
        PlanLine(line.id, line.department_id, line.level, line.needs_security_review)
        for line in lines(work, application_id)
    ]


def _stage_rows(work: Work, found: ApplicationRow) -> list[ApplicationStageRow]:

    def ask() -> list[ApplicationStageRow]:
        return rows(work, _STAGES, application_id=found.id)

    return [*recalled_rows(work, ApplicationStageRow, (found.id, found.turn), ask)]


def plan(work: Work, found: ApplicationRow) -> tuple[Stage, ...]:
    """The reviews of the present turn, as fixed when it was submitted; of a draft, as they would be."""
    if found.turn == 0:
        return stages(plan_lines(work, found.id), profile(work).stage_plans())
    return tuple(
        Stage(row.stage, Role(row.role), row.department_id, tuple(json.loads(row.line_ids)), row.quorum)
        for row in _stage_rows(work, found)
        if row.stage != DECISION
    )


def approval_of(work: Work, found: ApplicationRow) -> Approval:
    """How many decide, as fixed when the turn was submitted; of a draft, as it would be."""
    for row in _stage_rows(work, found):
        if row.stage == DECISION:
            return Approval(row.quorum, row.distinct_departments)
    return approval(plan_lines(work, found.id), profile(work).stage_plans())


def fix_plan(work: Work, found: ApplicationRow) -> None:
    """Write down the plan of the turn that begins: later changes of the plans do not touch it."""
    needed = plan_lines(work, found.id)
    rows = [
        ApplicationStageRow(
            application_id=found.id, turn=found.turn, stage=stage.name, position=position, role=stage.role,
            department_id=stage.department_id, line_ids=json.dumps(stage.line_ids), quorum=stage.quorum,
        )
        for position, stage in enumerate(stages(needed, profile(work).stage_plans()))
    ]  # fmt: skip
    last = approval(needed, profile(work).stage_plans())
    rows.append(
        ApplicationStageRow(
            application_id=found.id, turn=found.turn, stage=DECISION, position=len(rows), role=Role.APPROVER,
            line_ids=json.dumps([line.id for line in needed]), quorum=last.count,
            distinct_departments=last.distinct_departments,
        )
    )  # fmt: skip
    work.db.add_all(rows)
    work.db.flush()


def reviews(work: Work, found: ApplicationRow) -> list[ApplicationReviewRow]:
    """The votes of the present turn, oldest first."""

    def ask() -> list[ApplicationReviewRow]:
        return rows(work, _REVIEWS, application_id=found.id)

    return [*recalled_rows(work, ApplicationReviewRow, (found.id, found.turn), ask)]


def events(work: Work, application_id: str) -> list[ApplicationEventRow]:
    def ask() -> list[ApplicationEventRow]:
        return rows(work, _EVENTS, application_id=application_id)

    return [*recalled_rows(work, ApplicationEventRow, application_id, ask)]


def past(work: Work, application_id: str) -> tuple[Past, ...]:
    """What was done to the application over all turns, oldest first."""
    return tuple(past_of(event, _deed(event)) for event in events(work, application_id))


def past_of(event: ApplicationEventRow, deed: str = "") -> Past:
    """One event as the rules of segregation see it."""
    return Past(deed or event.step, event.person_id, event.org_id, event.for_person, event.for_org)


def past_of_vote(vote: ApplicationReviewRow) -> Past:
    """One vote as the rules of segregation see it."""
    return Past(Step.REVIEW, vote.person_id, vote.org_id, vote.for_person, vote.for_org)


def signing(work: Work, found: ApplicationRow) -> dict[str, list[ApplicationEventRow]]:
    """How the decision that stands proposed was signed, by line: by its proposer first, then by those who agreed."""
    if not found.proposal:
        return {}
    signed: dict[str, list[ApplicationEventRow]] = {}
    every = [line.id for line in lines(work, found.id)]
    for event in events(work, found.id):
        for line_id in json.loads(event.line_ids) if event.line_ids else every:
            match event.step:
                case Step.PROPOSE:
                    signed[line_id] = [event]
                case Step.CONCUR:
                    signed[line_id].append(event)
                case Step.DISSENT:
                    signed.pop(line_id, None)
    stands = {line["line_id"] for line in json.loads(found.proposal)["lines"]}
    return {line_id: signed[line_id] for line_id in every if line_id in stands}


def signers(
    work: Work, found: ApplicationRow, decision: ApplicationEventRow
) -> tuple[ApplicationEventRow, ...]:
    """Every signature that a decision bears, oldest first; `decision` is the step by which it counted."""
    every = [line.id for line in lines(work, found.id)]
    signed: dict[str, list[ApplicationEventRow]] = {line_id: [] for line_id in every}
    for event in events(work, found.id):
        if event.turn != decision.turn or event.version > decision.version:
            continue
        for line_id in json.loads(event.line_ids) if event.line_ids else every:
            match event.step:
                case Step.PROPOSE:
                    signed[line_id] = [event]
                case Step.CONCUR | Step.OFFER | Step.REJECT | Step.SCREEN_REJECT:
                    signed[line_id].append(event)
                case Step.DISSENT | Step.COUNTER:
                    signed[line_id] = []
    return tuple({each.version: each for of_line in signed.values() for each in of_line}.values())


def _deed(event: ApplicationEventRow) -> str:
    """The step, but sending back during the reviews is a review and no decision."""
    is_review = event.step == Step.RETURN and event.from_state == State.IN_REVIEW
    return RETURNED_IN_REVIEW if is_review else event.step


def place(work: Work, found: ApplicationRow) -> tuple[int, int] | None:
    """Where the application stands among those that wait at the same point for one of its departments, by the time of handing in; and how
    many there are. None while nobody on the bureau's side has the word.
    """
    if found.state not in (State.SUBMITTED, State.IN_REVIEW, State.DECIDING) or found.submitted_at is None:
        return None
    wanted = (
        select(func.count(func.distinct(col(ApplicationRow.id))))
        .join(ApplicationLineRow, col(ApplicationLineRow.application_id) == col(ApplicationRow.id))
        .where(ApplicationRow.state == found.state)
        .where(col(ApplicationLineRow.department_id).in_(departments(work, found.id)))
    )
    earlier = or_(
        col(ApplicationRow.submitted_at) < found.submitted_at,
        and_(col(ApplicationRow.submitted_at) == found.submitted_at, col(ApplicationRow.id) < found.id),
    )
    return work.db.exec(wanted.where(earlier)).one() + 1, work.db.exec(wanted).one()


def twins(work: Work, found: ApplicationRow, scenario_id: str) -> dict[str, str]:
    """Other open applications of the same organisation for the scenario: dataset → application."""
    today = work.now.astimezone(LOCAL).date()
    wanted = (
        select(ApplicationLineRow.dataset_id, ApplicationRow.id)
        .where(col(ApplicationLineRow.application_id) == col(ApplicationRow.id))
        .where(ApplicationRow.org_id == found.org_id, ApplicationRow.scenario_id == scenario_id)
        .where(ApplicationRow.id != found.id, col(ApplicationRow.state).in_([*LIVE, State.RETURNED]))
        .where(or_(col(ApplicationRow.state).not_in(ANSWERED), col(ApplicationRow.due_on) >= today))
    )
    return dict(list(work.db.exec(wanted)))


def ask_of(work: Work, found: ApplicationRow) -> ApplicationAsk:
    """The request as it is stored."""
    return ApplicationAsk.model_validate_json(
        json.dumps(
            {
                "scenario_id": found.scenario_id,
                "purposes": json.loads(found.purposes),
                "purpose_text": found.purpose_text,
                "starts_on": found.starts_on.isoformat() if found.starts_on else None,
                "ends_on": found.ends_on.isoformat() if found.ends_on else None,
                "retention_days": found.retention_days,
                "lines": [
                    {
                        "dataset_id": line.dataset_id,
                        "columns": json.loads(line.columns),
                        "row_filter": json.loads(line.row_filter) if line.row_filter else None,
                        "delivery_forms": json.loads(line.delivery_forms),
                        "quotas": json.loads(line.quotas),
                        "networks": json.loads(line.networks),
                        "pinned_release": line.pinned_release,
                        "members": json.loads(line.members),
                        "fee_reference": line.fee_reference,
                        "safeguards": json.loads(line.safeguards),
                    }
                    for line in lines(work, found.id)
                ],
            }
        )
    )


def asked_for(work: Work, application_id: str) -> dict[str, Any]:
    """What an application said in words: its purpose, and by line the reason for each column."""
    found = work.db.get_one(ApplicationRow, application_id)
    return {
        "purpose_text": found.purpose_text,
        "reasons": {
            line.id: {column["name"]: column["reason"] for column in json.loads(line.columns)}
            for line in lines(work, application_id)
        },
    }


SORTS = {
    "created": col(ApplicationRow.id),
    "submitted": col(ApplicationRow.submitted_at),
    "due": col(ApplicationRow.due_on),
    "state": col(ApplicationRow.state),
}


def listed(
    work: Work,
    actor: Actor,
    *,
    state: str | None = None,
    mine: bool = False,
    waiting: bool = False,
    handled: bool = False,
    under_way: bool = False,
    dataset_id: str | None = None,
    sort: str = "-created",
    offset: int = 0,
    limit: int = 50,
) -> tuple[list[ApplicationRow], int]:
    """Applications in sight and their number. `mine`: made by this account; `waiting`: the actor has the next word; `handled`: named to be his; `under_way`: not at its end."""
    conditions: list[Any] = [seen_by(actor)]
    if state:
        conditions.append(col(ApplicationRow.state) == state)
    if mine:
        conditions.append(col(ApplicationRow.created_by) == actor.account_id)
    if under_way:
        conditions.append(col(ApplicationRow.state).not_in(FINAL))
    if handled:
        conditions.append(
            exists().where(
                col(ApplicationHandlerRow.application_id) == col(ApplicationRow.id),
                col(ApplicationHandlerRow.account_id) == actor.account_id,
            )
        )
    if waiting:
        conditions.append(_waiting_for(actor, work.now.astimezone(LOCAL).date()))
    if dataset_id:
        conditions.append(
            exists().where(
                col(ApplicationLineRow.application_id) == col(ApplicationRow.id),
                col(ApplicationLineRow.dataset_id) == dataset_id,
            )
        )
    order = SORTS.get(sort.removeprefix("-"), col(ApplicationRow.id))
    ordered = (order.desc() if sort.startswith("-") else order.asc(), col(ApplicationRow.id).desc())
    wanted = select(ApplicationRow).where(*conditions).order_by(*ordered).offset(offset).limit(limit)
    total = work.db.exec(select(func.count()).select_from(ApplicationRow).where(*conditions)).one()
    return list(work.db.exec(wanted)), total


def live_lines(work: Work, actor: Actor, dataset_ids: Sequence[str]) -> list[tuple[str, str, str]]:
    """(dataset, scenario, organisation) of every line, in the actor's sight, of an application that has not ended."""
    line = aliased(ApplicationLineRow)  # `seen_by` looks for lines of its own
    wanted = (
        select(col(line.dataset_id), ApplicationRow.scenario_id, ApplicationRow.org_id)
        .where(col(ApplicationRow.id) == col(line.application_id))
        .where(col(ApplicationRow.state).in_(LIVE), seen_by(actor))
        .where(col(line.dataset_id).in_(dataset_ids))
    )
    return [(dataset, scenario, org) for dataset, scenario, org in work.db.exec(wanted)]
