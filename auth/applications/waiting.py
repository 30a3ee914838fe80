"""On which applications somebody has the next word, as a condition of a list."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, func, literal, or_, true
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from auth.actor import Actor, RoleAt
from auth.applications.seeing import assisted, is_invited
from auth.applications.tables import (
    ApplicationCoApplicantRow,
    ApplicationEventRow,
    ApplicationLineRow,
    ApplicationReviewRow,
    ApplicationRow,
    ApplicationStageRow,
)
from auth.applications.workflow import State, Step
from auth.policy.separation import SIGNS
from auth.policy.stages import DECISION
from auth.roles import Role
from auth.scope import ENTERPRISE


def waiting_for(actor: Actor, today: date) -> ColumnElement[bool]:
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
                found.append(assisted(actor) & in_time & state.in_([State.DRAFT, State.RETURNED]))
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


def _shared_with(actor: Actor) -> ColumnElement[bool]:
    """Named a co-applicant, and of that organisation still."""
    seat = ApplicationCoApplicantRow
    return (col(ApplicationRow.org_id) == actor.org_id) & exists().where(
        col(seat.application_id) == col(ApplicationRow.id), col(seat.ended_at).is_(None),
        col(seat.account_id) == actor.account_id,
    )  # fmt: skip


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
    return is_invited(actor) & ~_has_voted(actor)


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
