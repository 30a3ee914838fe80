"""Which delegations count at this instant: computed at each use, so that one ends by itself and takes nothing with it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from auth.actor import Actor
from auth.delegations.tables import DelegationRow
from auth.delegations.workflow import State
from auth.identity.principals import orgs_of, orgs_of_person
from auth.identity.tables import AccountRow
from auth.policy.filters.rules import LOCAL
from auth.policy.separation import Doer
from core.work import Work


def in_force(work: Work) -> ColumnElement[bool]:
    """Agreed by both, on one of its days."""
    day = work.now.astimezone(LOCAL).date()
    return (
        (col(DelegationRow.state) == State.AGREED)
        & (col(DelegationRow.starts_on) <= day)
        & (col(DelegationRow.ends_on) >= day)
    )


def pair_of(work: Work, person_id: str) -> frozenset[str]:
    """Who counts as one person with this one now: those he stands in for, and those who stand in for him."""
    wanted = select(DelegationRow).where(
        in_force(work),
        or_(col(DelegationRow.deputy_person) == person_id, col(DelegationRow.created_person) == person_id),
    )
    both = {each for row in work.db.exec(wanted) for each in (row.created_person, row.deputy_person)}
    return frozenset(both - {person_id})


def doer(work: Work, actor: Actor) -> Doer:
    """Who acts, as the rules of segregation see it: with those who count as one person with him, and with their organisations."""
    pair = pair_of(work, actor.person_id)
    orgs = orgs_of(work, actor).union(*(orgs_of_person(work, person) for person in pair))
    return Doer(actor.person_id, orgs, pair)


def deputies(work: Work, accounts: Iterable[str]) -> list[str]:
    """Accounts that stand in now for any of these."""
    wanted = (
        select(DelegationRow.deputy_account)
        .join(AccountRow, col(AccountRow.id) == col(DelegationRow.deputy_account))
        .where(
            in_force(work),
            col(DelegationRow.created_by).in_(list(accounts)),
            col(AccountRow.disabled).is_(False),
        )
    )
    return sorted(set(work.db.exec(wanted)))
