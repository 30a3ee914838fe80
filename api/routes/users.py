"""Accounts and their roles, for administrators."""

from __future__ import annotations

from typing import Any

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access import access
from api.deps import ActorDep, HouseDep, Offset, ReadDep, WorkDep
from api.late import APIRouter
from auth.identity import accounts, changes, credentials, links, passwords
from auth.identity.accounts import AccountRead, RoleGive
from auth.identity.changes import ChangeRead
from auth.identity.links import LinkAsk
from auth.roles import Role
from core.text import Text

router = APIRouter(prefix="/api/v1/users", tags=["users"])


class UserCreate(BaseModel):
    """A new account. `password` may be left out: then it cannot sign in by password."""

    model_config = ConfigDict(extra="forbid")
    username: str = Field(min_length=2, max_length=40)
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=120)
    org_id: str | None = None
    password: str | None = Field(default=None, max_length=1024)
    roles: list[Role] = []
    person_id: str | None = None


class PasswordReset(BaseModel):
    """A new password set by an administrator."""

    model_config = ConfigDict(extra="forbid")
    password: str = Field(min_length=1, max_length=1024)


@router.get("", **access("auth:user:read", personal=""))
def list_users(
    work: ReadDep,
    q: str = Query("", max_length=80),
    org: str | None = None,
    limit: int = Query(50, ge=1, le=200),
    offset: Offset = 0,
) -> dict[str, Any]:
    """Accounts by user name; `q` looks in user names and names."""
    found, total = accounts.accounts(work, query=q, org_id=org, limit=limit, offset=offset)
    following = offset + limit if offset + limit < total else None
    return {"items": found, "total": total, "next": following}


@router.post("", status_code=201, **access("auth:user:admin"))
def create_user(house: HouseDep, actor: ActorDep, body: UserCreate) -> AccountRead:
    """Make an account, and its person unless `person_id` names one; its roles wait for another administrator."""
    hashed = passwords.hashed(body.password, house.settings.password_workers) if body.password else None
    with house.write() as work:  # opened here: hashing must not hold the write lock
        return changes.open_account(
            work, actor, body.username, hashed, Text(body.name_zh, body.name_en), body.org_id, body.roles,
            person_id=body.person_id,
        )  # fmt: skip


@router.get("/{user}", **access("auth:user:read", personal="user"))
def show_user(work: ReadDep, user: str) -> AccountRead:
    """One account, by id or user name."""
    return accounts.account(work, user)


@router.post("/{user}/disable", **access("auth:user:admin"))
def disable(work: WorkDep, actor: ActorDep, user: str) -> AccountRead:
    """Disable an account; its sessions and tokens end at once."""
    return accounts.set_disabled(work, actor, user, True)


@router.post("/{user}/enable", **access("auth:user:admin"))
def enable(work: WorkDep, actor: ActorDep, user: str) -> AccountRead:
    """Enable a disabled account."""
    return accounts.set_disabled(work, actor, user, False)


@router.post("/{user}/password", **access("auth:user:admin"))
def reset_password(
    house: HouseDep, actor: ActorDep, response: Response, user: str, body: PasswordReset
) -> AccountRead | ChangeRead:
    """Set a new password for somebody; his sessions and tokens end, and a lock is lifted.

    202 and a change that waits for another administrator, where the account decides anything or has a second factor.
    """
    with house.read() as work:
        accounts.account(work, user)
    hashed = passwords.hashed(body.password, house.settings.password_workers)
    with house.write() as work:
        done = credentials.set_password(work, actor, user, hashed)
    response.status_code = 202 if isinstance(done, ChangeRead) else 200
    return done


@router.post("/{user}/second-factor/reset", status_code=202, **access("auth:user:admin"))
def reset_factor(work: WorkDep, actor: ActorDep, user: str) -> ChangeRead:
    """Ask to take away the second factor of somebody who lost phone and codes; another administrator confirms."""
    return credentials.reset_factor(work, actor, user)


@router.get("/{user}/links", **access("auth:user:read"))
def list_links(work: ReadDep, user: str) -> dict[str, Any]:
    """The identities that may sign in as this account."""
    items = links.links(work, accounts.account_row(work, user).id)
    return {"items": items, "total": len(items), "next": None}


@router.post("/{user}/links", status_code=202, **access("auth:user:admin"))
def link(work: WorkDep, actor: ActorDep, user: str, body: LinkAsk) -> ChangeRead:
    """Ask that an identity of the OpenID Connect provider, by issuer and subject, may sign in as this account."""
    return credentials.link(work, actor, user, body)


@router.post("/{user}/links/end", status_code=204, **access("auth:user:admin"))
def unlink(work: WorkDep, actor: ActorDep, user: str, body: LinkAsk) -> None:
    """End a link; sessions and tokens of the account end too."""
    links.unlink(work, actor, user, body)


@router.post("/{user}/roles", status_code=202, **access("auth:user:admin"))
def give_role(work: WorkDep, actor: ActorDep, user: str, body: RoleGive) -> ChangeRead:
    """Ask for a role; refused with every rule against it. It counts once another administrator has confirmed it."""
    return changes.read(work, actor, changes.ask_give(work, actor, user, body))


@router.delete("/{user}/roles/{assignment_id}", status_code=202, **access("auth:user:admin"))
def take_role(work: WorkDep, actor: ActorDep, user: str, assignment_id: str) -> ChangeRead:
    """Ask to end a role; another administrator confirms. To stop somebody at once, disable the account."""
    return changes.read(work, actor, changes.ask_take(work, actor, user, assignment_id))
