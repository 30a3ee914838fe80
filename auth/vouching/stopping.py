"""Whom the switch “vouching” would stop: analysts of an organisation behind whom nobody stands today."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlmodel import col, or_, select

from auth.identity.tables import AccountRow, RoleAssignmentRow
from auth.policy.filters.rules import LOCAL
from auth.roles import Role
from auth.vouching.tables import VouchRow
from auth.vouching.workflow import State
from core.db import one_of
from core.work import Work

_USERS: Final = (Role.ANALYST,)


def analysts(work: Work, org_ids: Iterable[str]) -> dict[str, dict[str, bool]]:
    """By organisation, each person who may use its grants today, and whether one of his accounts there is vouched for."""
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
    found: dict[str, dict[str, bool]] = {}
    for account_id, person_id, org_id in work.db.exec(held):
        people = found.setdefault(org_id or "", {})
        people[person_id] = people.get(person_id, False) or (account_id, org_id) in behind
    return found
