"""Who may see an application: the condition that every list starts from. Drafts are seen by their own organisation alone."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlmodel import col

from auth.actor import Actor
from auth.applications.tables import ApplicationInvitationRow, ApplicationLineRow, ApplicationRow
from auth.roles import Role
from auth.scope import Sight, sight

READ = "auth:application:read"
_REVIEWERS = frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY})


def seen_by(actor: Actor) -> ColumnElement[bool]:
    """The condition that keeps a list within the actor's sight."""
    if actor.via == "system":
        return true()
    seen = sight(actor, READ)
    found = or_(false(), col(ApplicationRow.org_id).in_(seen.orgs), _bureau_sees(seen))
    if not seen.everything and actor.covers(READ) and actor.role_kinds & _REVIEWERS:
        found = or_(found, is_invited(actor))
    return or_(found, assisted(actor)) if Role.CLERK in actor.role_kinds and actor.covers(READ) else found


def _bureau_sees(seen: Sight) -> ColumnElement[bool]:
    reach = true() if seen.everything else _of_departments(seen.departments)
    return and_(reach, col(ApplicationRow.submitted_at).is_not(None))


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


def is_invited(actor: Actor) -> ColumnElement[bool]:
    """Invited to vote in the present turn, or lent the role of somebody who is."""
    people = {actor.person_id, *(held.lender.person_id for held in actor.roles if held.lender)}
    seat = ApplicationInvitationRow
    return exists().where(
        col(seat.application_id) == col(ApplicationRow.id), col(seat.turn) == col(ApplicationRow.turn),
        col(seat.ended_at).is_(None), col(seat.person_id).in_(sorted(people)),
    )  # fmt: skip


def assisted(actor: Actor) -> ColumnElement[bool]:
    """What this person drafted for an enterprise, as its clerk."""
    return col(ApplicationRow.assisted_person) == actor.person_id
