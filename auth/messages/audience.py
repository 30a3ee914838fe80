"""Who is to be told: people who hold a role now, where it counts for the case at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter, Executable, bindparam, literal, union_all
from sqlmodel import col, or_, select

from auth.actor import PLATFORM
from auth.applications import queries as applications
from auth.applications.tables import ApplicationHandlerRow, ApplicationRow
from auth.applications.workflow import State
from auth.delegations.standing import deputies
from auth.identity.tables import AccountRow, RoleAssignmentRow
from auth.roles import Role
from auth.scope import ENTERPRISE
from core.db import UtcDateTime
from core.work import Work, fetched

_BUREAU: Final = {
    State.SUBMITTED: frozenset({Role.REVIEWER_BUSINESS}),
    State.IN_REVIEW: frozenset({Role.REVIEWER_BUSINESS, Role.REVIEWER_SECURITY}),
    State.DECIDING: frozenset({Role.APPROVER}),
}
_HOLDER: Final = {
    State.OFFERED: frozenset({Role.ORG_OFFICER}),
    State.RETURNED: frozenset({Role.APPLICANT}),
}


_NOW: Final[BindParameter[Any]] = bindparam("now", type_=UtcDateTime)
_HOLDERS: Final = (
    select(AccountRow.id)
    .join(RoleAssignmentRow, col(RoleAssignmentRow.account_id) == col(AccountRow.id))
    .where(
        col(AccountRow.disabled).is_(False),
        col(RoleAssignmentRow.role).in_(bindparam("roles", expanding=True)),
        or_(
            col(RoleAssignmentRow.scope).in_(bindparam("scopes", expanding=True)),
            (col(RoleAssignmentRow.scope) == PLATFORM)
            & col(RoleAssignmentRow.role).not_in([role.value for role in sorted(ENTERPRISE)]),
        ),
        col(RoleAssignmentRow.valid_from) <= _NOW,
        or_(col(RoleAssignmentRow.valid_to).is_(None), col(RoleAssignmentRow.valid_to) > _NOW),
    )
)


def holders(work: Work, roles: Iterable[Role], scopes: Iterable[str]) -> list[str]:
    """Accounts that may act now and hold one of `roles` in one of `scopes`, or platform-wide where the role can be."""
    found = fetched(
        work, _HOLDERS, roles=[role.value for role in roles], scopes=list(scopes), now=work.now
    ).scalars()
    return sorted(set(found))


_HOLDERS_AND_PERSONS: Final = _HOLDERS.add_columns(col(AccountRow.person_id))


def holders_by_person(work: Work, roles: Iterable[Role], scopes: Iterable[str]) -> dict[str, str]:
    """The same accounts, each with the person whose it is."""
    asked = {"roles": sorted(role.value for role in roles), "scopes": list(scopes), "now": work.now}
    found: Sequence[Any] = fetched(work, _HOLDERS_AND_PERSONS, **asked).all()
    return dict(sorted((account, person) for account, person in found))


_HOLDERS_AND_HANDLERS: Final[Executable] = union_all(
    _HOLDERS.add_columns(literal(True)),
    select(ApplicationHandlerRow.account_id, literal(False)).where(
        col(ApplicationHandlerRow.application_id) == bindparam("application_id")
    ),
)


def next_for(work: Work, row: ApplicationRow) -> list[str]:
    """Who has the next word on the application."""
    return next_and_handlers(work, row)[0]


def next_and_handlers(work: Work, row: ApplicationRow) -> tuple[list[str], list[str]]:
    """Who has the next word on the application; and who was named to handle it, for any of its departments."""
    state = State(row.state)
    of_bureau = state in _BUREAU
    roles = _BUREAU[state] if of_bureau else _HOLDER.get(state, frozenset())
    scopes = applications.departments(work, row.id) if of_bureau else [row.org_id]
    asked = {"roles": [role.value for role in roles], "scopes": list(scopes), "now": work.now}
    found: Sequence[Any] = fetched(work, _HOLDERS_AND_HANDLERS, **asked, application_id=row.id).all()
    own = sorted({account for account, is_holder in found if is_holder})
    named = sorted({account for account, is_holder in found if not is_holder})
    return sorted({*own, *deputies(work, own, roles, scopes)}) if of_bureau else own, named


def handlers(work: Work, application_id: str) -> list[str]:
    """Who was named to handle the application, for any of its departments."""
    wanted = select(ApplicationHandlerRow.account_id).where(
        ApplicationHandlerRow.application_id == application_id
    )
    return sorted(set(work.db.exec(wanted)))


def deciders(work: Work, departments: Iterable[str]) -> list[str]:
    """Approvers of these departments, and who stands in for them now."""
    return with_deputies(work, [Role.APPROVER], departments)


def with_deputies(work: Work, roles: Iterable[Role], departments: Iterable[str]) -> list[str]:
    """Holders of one of the roles in one of the departments, and who stands in for them now."""
    kinds, scopes = tuple(roles), tuple(departments)
    own = holders(work, kinds, scopes)
    return sorted({*own, *deputies(work, own, kinds, scopes)})


def bureau(work: Work, row: ApplicationRow, roles: Iterable[Role]) -> list[str]:
    """People of the bureau with one of these roles over one of the application's departments."""
    return holders(work, roles, applications.departments(work, row.id))
