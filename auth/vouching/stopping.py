"""Whom the switch “vouching” would stop: analysts of an organisation behind whom nobody stands today."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final, NamedTuple

from sqlmodel import col, or_, select

from auth.identity.tables import AccountRow, RoleAssignmentRow
from auth.policy.filters.rules import LOCAL
from auth.roles import Role
from auth.vouching.tables import VouchRow
from auth.vouching.workflow import State
from core.db import one_of
from core.work import Work

_USERS: Final = (Role.ANALYST,)


class User(NamedTuple):
    """One account by which a person may use its organisation's grants; `is_behind`: the organisation stands behind it."""

    account_id: str
    person_id: str
    is_behind: bool


def analysts(work: Work, org_ids: Iterable[str]) -> dict[str, list[User]]:
    """By organisation, every account of those who may use its grants today."""
    orgs = sorted(set(org_ids))
    held = (
        select(AccountRow.id, AccountRow.person_id, AccountRow.org_id)
        .join(RoleAssignmentRow, col(RoleAssignmentRow.account_id) == col(AccountRow.id))
        .where(
            one_of(col(AccountRow.org_id), orgs), col(AccountRow.disabled).is_(False), one_of(col(RoleAssignmentRow.role), _USERS),
            col(RoleAssignmentRow.scope) == col(AccountRow.org_id), col(RoleAssignmentRow.valid_from) <= work.now,
            or_(col(RoleAssignmentRow.valid_to).is_(None), col(RoleAssignmentRow.valid_to) > work.now),
        )
    )  # fmt: skip
    stood = select(VouchRow.account_id, VouchRow.org_id).where(
        one_of(col(VouchRow.org_id), orgs), VouchRow.state == State.VOUCHED,
        col(VouchRow.until) >= work.now.astimezone(LOCAL).date(),
    )  # fmt: skip
    behind = set(work.db.exec(stood).all())
    found: dict[str, list[User]] = {}
    for account_id, person_id, org_id in work.db.exec(held):
        found.setdefault(org_id or "", []).append(User(account_id, person_id, (account_id, org_id) in behind))
    return found


def people(users: Iterable[User], members: Container[str] = ()) -> dict[str, bool]:
    """Each person who may use a grant that names these members (none: all), and whether one of his accounts is vouched for."""
    found: dict[str, bool] = {}
    for user in users:
        if not members or user.account_id in members:
            found[user.person_id] = found.get(user.person_id, False) or user.is_behind
    return found
