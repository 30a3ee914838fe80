"""Which delegations count at this instant: computed at each use, so that one ends by itself and takes nothing with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam
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
    return _in_force(work.now.astimezone(LOCAL).date())


def _in_force(day: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a day, or a parameter of a query
    return and_(
        col(DelegationRow.state) == State.AGREED,
        col(DelegationRow.starts_on) <= day,
        col(DelegationRow.ends_on) >= day,
    )


_PERSON: Final[BindParameter[Any]] = bindparam("person_id")
_PAIRS: Final = select(DelegationRow.created_person, DelegationRow.deputy_person).where(
    _in_force(bindparam("day")),
    or_(col(DelegationRow.deputy_person) == _PERSON, col(DelegationRow.created_person) == _PERSON),
)


def pair_of(work: Work, person_id: str) -> frozenset[str]:
    """Who counts as one person with this one now: those he stands in for, and those who stand in for him."""
    day = work.now.astimezone(LOCAL).date()
    found = work.db.exec(_PAIRS, params={"person_id": person_id, "day": day})
    return frozenset({each for pair in found for each in pair} - {person_id})


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
