"""Which organisations' objects an actor may see, and which of the actor's roles count towards one object.

Enterprise roles count for the organisation they are held in and never platform-wide; roles of the bureau and its
departments count for a department's datasets, or for all when held with scope `*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from auth.actor import PLATFORM, Actor
from auth.roles import PERMISSIONS, Role, lends

ENTERPRISE: Final = frozenset({Role.ORG_OFFICER, Role.APPLICANT, Role.ANALYST})
OWN_WORK: Final = frozenset({Role.CLERK})
"""Roles of the bureau that see what they made themselves, and nothing else by their scope."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What an actor may see: `orgs` as an enterprise, `departments` as their steward or reviewer, or `everything`."""

    orgs: frozenset[str]
    departments: frozenset[str]
    everything: bool


def sight(actor: Actor, permission: str) -> Sight:
    """How far `permission` reaches for this actor. Without the permission: nothing."""
    if actor.via == "system":
        return Sight(frozenset(), frozenset(), True)
    able = PERMISSIONS.get(permission, frozenset()) if actor.covers(permission) else frozenset()
    held = [
        role
        for role in actor.roles
        if role.role in able - OWN_WORK and (role.lender is None or lends(role.role, permission))
    ]
    bureau = {role.scope for role in held if role.role not in ENTERPRISE}
    enterprise = {role.scope for role in held if role.role in ENTERPRISE}
    return Sight(frozenset(enterprise - {PLATFORM}), frozenset(bureau - {PLATFORM}), PLATFORM in bureau)


def roles_towards(
    actor: Actor, *, org_id: str, departments: frozenset[str], with_lent: bool = False
) -> frozenset[Role]:
    """The roles that count towards an object that organisation `org_id` holds on data of these departments."""
    return frozenset(
        held.role
        for held in actor.roles
        if (with_lent or held.lender is None)
        and (held.scope == org_id if held.role in ENTERPRISE else held.scope in departments | {PLATFORM})
    )
