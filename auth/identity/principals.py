"""From an account to an actor: roles valid at this instant, nothing remembered from earlier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, Row, and_, bindparam, exists
from sqlmodel import col, or_, select

from auth.actor import PLATFORM, Actor, Lender, RoleAt, Via
from auth.delegations.tables import DelegationRow
from auth.delegations.workflow import State as DelegationState
from auth.identity.rules import CHINA
from auth.identity.tables import (
    AccountRow,
    ApiKeyRow,
    FactorRow,
    OrganisationRow,
    PersonRow,
    RefreshRow,
    RoleAssignmentRow,
    SessionRow,
)
from auth.roles import Role
from core.db import UtcDateTime
from core.errors import AccessRefused, Reason
from core.recalled import recalled
from core.text import Text
from core.work import Work, fetched


@dataclass(frozen=True, slots=True)
class Principal:
    """An account that may act now: its actor, the name of its organisation, and the epoch by which its proofs end."""

    actor: Actor
    org_name: Text | None
    epoch: int


def in_person(actor: Actor) -> None:
    """Raise AccessRefused for an API key: what concerns the account itself is done by its owner, signed in."""
    if actor.via == "api_key":
        text = Text(
            "接口密钥不能管理账户本身；请登录后办理。",
            "An API key cannot manage the account itself; sign in to do so.",
        )
        raise AccessRefused(text, reasons=[Reason("not-by-key", text, "accounts, tokens and keys")])


def roles_now(work: Work, account_id: str, now: datetime | None = None) -> frozenset[RoleAt]:
    """The roles whose period holds the instant (start inclusive, end exclusive)."""
    at = now or work.now
    rows = work.db.exec(
        select(RoleAssignmentRow.role, RoleAssignmentRow.scope).where(
            RoleAssignmentRow.account_id == account_id, _holds(at)
        )
    )
    return frozenset(RoleAt(Role(role), scope) for role, scope in rows)


def _holds(at: Any) -> ColumnElement[bool]:  # noqa: ANN401 - an instant, or a parameter of a query
    """The condition that a role counts at that instant."""
    until = col(RoleAssignmentRow.valid_to)
    return and_(col(RoleAssignmentRow.valid_from) <= at, or_(until.is_(None), until > at))


def person_roles_now(work: Work, person_id: str) -> frozenset[RoleAt]:
    """The roles of all accounts of a person: what one account may not hold beside another, two may not either."""
    ids = work.db.exec(select(AccountRow.id).where(AccountRow.person_id == person_id))
    return frozenset(held for account_id in ids.all() for held in roles_now(work, account_id))


def lent_to(work: Work, account_id: str) -> frozenset[RoleAt]:
    """The roles in which this account stands in for somebody now.

    Counted from the delegation's days and from what the principal holds himself at this instant: no chain, and nothing outlives him.
    """
    day = work.now.astimezone(CHINA).date()
    wanted = (
        select(DelegationRow, AccountRow)
        .join(AccountRow, col(AccountRow.id) == col(DelegationRow.created_by))
        .where(DelegationRow.deputy_account == account_id, DelegationRow.state == DelegationState.AGREED)
        .where(DelegationRow.starts_on <= day, DelegationRow.ends_on >= day)
    )
    found = set()
    for row, principal_account in work.db.exec(wanted):
        own = {held.scope for held in roles_now(work, row.created_by) if held.role == row.role}
        if not principal_account.disabled and own & {PLATFORM, row.scope}:
            lender = Lender(row.created_person, row.principal_name, principal_account.org_id)
            found.add(RoleAt(Role(row.role), row.scope, lender))
    return frozenset(found)


def orgs_of(work: Work, actor: Actor) -> frozenset[str]:
    """The organisations of all accounts of the person who acts, disabled ones too, and of the actor himself."""
    return orgs_of_person(work, actor.person_id) | ({actor.org_id} if actor.org_id else set())


_ORGS: Final = select(AccountRow.org_id).where(col(AccountRow.person_id) == bindparam("person_id"))


def orgs_of_person(work: Work, person_id: str) -> frozenset[str]:
    """The organisations of all accounts of a person, disabled ones too."""
    found = recalled(
        work, AccountRow, person_id, lambda: fetched(work, _ORGS, person_id=person_id).scalars().all()
    )
    return frozenset(org for org in found if org is not None)


def principal(
    work: Work,
    account_id: str,
    via: Via,
    *,
    epoch: int | None = None,
    session_id: str | None = None,
    only: Iterable[str] = (),
    grant: str = "",
) -> Principal | None:
    """The actor of an account; None when it is gone, disabled, or its proof is older than the account's epoch."""
    found = _facts(work, account_id)
    if not found:
        return None
    who = found[0]
    if who.disabled or (epoch is not None and epoch != who.epoch):
        return None
    limits, roles = (
        frozenset(only),
        frozenset(_role_at(each.role, each.scope) for each in found if each.role is not None),
    )
    actor = Actor(
        account_id=account_id, person_id=who.person_id, username=who.username, name=Text(who.name_zh, who.name_en), org_id=who.org_id,
        roles=roles | lent_to(work, account_id) if who.is_deputy else roles, via=via, session_id=session_id, only=limits or None,
        grant=grant or None, epoch=epoch, has_factor=who.has_factor,
    )  # fmt: skip
    return Principal(actor, None if who.org_zh is None else Text(who.org_zh, who.org_en), who.epoch)


_AT: Final = bindparam("at", type_=UtcDateTime)
_FACTS: Final = (
    sqlalchemy.select(
        *(getattr(AccountRow, name) for name in ("person_id", "username", "org_id", "epoch", "disabled")),
        col(PersonRow.name_zh), col(PersonRow.name_en),
        col(OrganisationRow.name_zh).label("org_zh"), col(OrganisationRow.name_en).label("org_en"),
        col(RoleAssignmentRow.role), col(RoleAssignmentRow.scope),
        exists()
        .where(
            col(DelegationRow.deputy_account) == bindparam("account_id"), col(DelegationRow.state) == DelegationState.AGREED
        )
        .label("is_deputy"),
        exists()
        .where(col(FactorRow.account_id) == bindparam("account_id"), col(FactorRow.confirmed_at).is_not(None))
        .label("has_factor"),
    )
    .select_from(AccountRow)
    .join(PersonRow, col(PersonRow.id) == col(AccountRow.person_id))
    .join(OrganisationRow, col(OrganisationRow.id) == col(AccountRow.org_id), isouter=True)
    .join(RoleAssignmentRow, (col(RoleAssignmentRow.account_id) == col(AccountRow.id)) & _holds(_AT), isouter=True)
    .where(col(AccountRow.id) == bindparam("account_id"))
)  # fmt: skip


def _facts(work: Work, account_id: str) -> Sequence[Row[Any]]:
    """The account, its names, whether it is anybody's deputy and has a second factor: once for each role that it holds. One round trip."""
    return fetched(work, _FACTS, account_id=account_id, at=work.now).all()


@lru_cache(maxsize=4096)
def _role_at(role: str, scope: str) -> RoleAt:
    return RoleAt(Role(role), scope)


def again(work: Work, actor: Actor) -> Principal | None:
    """The same actor at the same place as of this instant, for work that goes on after its request: None when account, key or session has ended.

    A token's own expiry does not count: it was valid when the work began. Signing out everywhere raises the account's epoch and so
    ends what began by session or token.
    """
    proof: SessionRow | ApiKeyRow | None = None
    if actor.via == "session":
        proof = work.db.get(SessionRow, actor.session_id, populate_existing=True)
        if proof is None or proof.ended_at is not None:
            return None
    if actor.via == "api_key":
        proof = work.db.get(ApiKeyRow, actor.session_id, populate_existing=True)
        if proof is None or proof.revoked_at is not None or proof.expires_at <= work.now:
            return None
    if actor.via == "token" and _family_is_revoked(work, actor.session_id):
        return None
    epoch = proof.epoch if isinstance(proof, SessionRow) else actor.epoch if actor.via == "token" else None
    now = principal(
        work, actor.account_id, actor.via, epoch=epoch, session_id=actor.session_id, only=actor.only or (),
        grant=actor.grant or "",
    )  # fmt: skip
    return now and replace(now, actor=replace(now.actor, origin=actor.origin, address=actor.address))


def _family_is_revoked(work: Work, family_id: str | None) -> bool:
    wanted = select(RefreshRow.id).where(
        RefreshRow.family_id == family_id, col(RefreshRow.revoked_at).is_not(None)
    )
    return work.db.exec(wanted.limit(1)).first() is not None
