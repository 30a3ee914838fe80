"""Which delegations count at this instant: computed at each use, so that one ends by itself and takes nothing with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, Executable, and_, bindparam, literal, union_all
from sqlalchemy.orm import aliased
from sqlmodel import col, or_, select

from auth.actor import PLATFORM, Actor
from auth.delegations.tables import DelegationRow
from auth.delegations.workflow import State
from auth.identity.principals import orgs_of_person
from auth.identity.tables import AccountRow
from auth.policy.filters.rules import LOCAL
from auth.policy.separation import Doer
from auth.roles import Role
from core.recalled import recalled
from core.work import Asked, Work, fetched


def in_force(work: Work) -> ColumnElement[bool]:
    """Agreed by both, on one of its days."""
    return _in_force(work.now.astimezone(LOCAL).date())


def _in_force(day: Any, row: Any = DelegationRow) -> ColumnElement[bool]:  # noqa: ANN401 - a day, or a parameter of a query; an alias
    return and_(col(row.state) == State.AGREED, col(row.starts_on) <= day, col(row.ends_on) >= day)


_PERSON: Final[BindParameter[Any]] = bindparam("person_id")
_DAY: Final[BindParameter[Any]] = bindparam("day")
_OF_PERSON: Final = aliased(DelegationRow)
_PRINCIPALS: Final = select(col(_OF_PERSON.created_person)).where(
    _in_force(_DAY, _OF_PERSON), col(_OF_PERSON.deputy_person) == _PERSON
)
_PAIRS: Final = select(DelegationRow.created_person, DelegationRow.deputy_person).where(
    _in_force(_DAY),
    or_(col(DelegationRow.created_person) == _PERSON, col(DelegationRow.created_person).in_(_PRINCIPALS)),
)


_PAIRS_AND_ORGS: Final[Executable] = union_all(
    _PAIRS, select(literal(None), col(AccountRow.org_id)).where(col(AccountRow.person_id) == _PERSON)
)


def pair_of(work: Work, person_id: str) -> frozenset[str]:
    """Who counts as one person with this one now: those he stands in for, those who stand in for him, and whoever else
    stands in for the same principal. The relation is the same from every side.
    """
    day = work.now.astimezone(LOCAL).date()
    asked = {"person_id": person_id, "day": day}
    found = recalled(work, DelegationRow, (person_id, day), lambda: work.db.exec(_PAIRS, params=asked).all())
    return frozenset({each for pair in found for each in pair} - {person_id})


def pairs(work: Work) -> dict[str, frozenset[str]]:
    """Of everybody who is a deputy now, or has one, all who count as one person with him, himself among them: one question for all."""
    groups: dict[str, set[str]] = {}
    wanted = select(DelegationRow.created_person, DelegationRow.deputy_person).where(in_force(work))
    for principal, deputy in work.db.exec(wanted):
        groups.setdefault(principal, {principal}).add(deputy)
    found: dict[str, frozenset[str]] = {}
    for group in groups.values():
        for person in group:
            found[person] = found.get(person, frozenset()) | group
    return found


def doer(work: Work, actor: Actor) -> Doer:
    """Who acts, as the rules of segregation see it: with those who count as one person with him, and with their organisations."""
    statement, asked = question(work, actor)
    found: Sequence[Any] = recalled(
        work, (DelegationRow, AccountRow), (actor.person_id, asked["day"]), lambda: fetched(work, statement, **asked).all()
    )  # fmt: skip
    pair = frozenset(
        {each for one, other in found if one is not None for each in (one, other)} - {actor.person_id}
    )
    own = {actor.org_id, *(org for one, org in found if one is None)} - {None, ""}
    return Doer(
        actor.person_id, frozenset(own).union(*(orgs_of_person(work, person) for person in pair)), pair
    )


def question(work: Work, actor: Actor) -> Asked:
    """What `doer` asks first."""
    return _PAIRS_AND_ORGS, {"person_id": actor.person_id, "day": work.now.astimezone(LOCAL).date()}


def persons(work: Work, actor: Actor) -> frozenset[str]:
    """All who count as one person with whoever acts, himself among them: what one of them did, none of the others seconds."""
    return pair_of(work, actor.person_id) | {actor.person_id}


def deputies(work: Work, accounts: Iterable[str], roles: Iterable[Role], scopes: Iterable[str]) -> list[str]:
    """Accounts that stand in now for any of these, in one of the roles and within one of the scopes."""
    wanted = (
        select(DelegationRow.deputy_account)
        .join(AccountRow, col(AccountRow.id) == col(DelegationRow.deputy_account))
        .where(
            in_force(work),
            col(DelegationRow.created_by).in_(list(accounts)),
            col(DelegationRow.role).in_([role.value for role in roles]),
            col(DelegationRow.scope).in_([PLATFORM, *scopes]),
            col(AccountRow.disabled).is_(False),
        )
    )
    return sorted(set(work.db.exec(wanted)))
