"""Keys bound to one grant: for a program that needs this grant's data and nothing else. Made by an analyst of the holder, for himself."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from auth.actor import Actor
from auth.grants import queries
from auth.grants.tables import GrantRow
from auth.grants.workflow import FINAL, State
from auth.identity import api_keys, assertions
from auth.identity.accounts import account_row
from auth.identity.api_keys import ApiKeyCreate, ApiKeyMade, ApiKeyRead, Bond
from auth.identity.principals import in_person
from core import bases
from core.errors import AccessRefused, Conflict, InputRefused, Reason
from core.ids import GrantId
from core.text import Text
from core.work import Work

# What a program may do with a grant; all within the key's one grant (`auth.actor.Actor.grant`).
GRANT_SCOPES: Final = (
    "auth:grant:read",
    "datasets:extract:read",
    "datasets:extract:request",
    "datasets:share:read",
)


class GrantKeyCreate(ApiKeyCreate):
    """A key for one grant. `scopes`: some of GRANT_SCOPES; empty = all of them that the caller holds.

    `jwks`: public keys as a JWKS; then the key has no secret, and its holder proves himself by private_key_jwt.
    """

    jwks: str = Field(default="", max_length=assertions.MAX_JWKS)


class GrantKeyRead(ApiKeyRead):
    """A key bound to the grant, and whose it is."""

    owner: str


def create(work: Work, actor: Actor, grant_id: GrantId, ask: GrantKeyCreate) -> ApiKeyMade:
    """A key that ends with the grant at the latest. NotFound outside the actor's sight; AccessRefused, Conflict, InputRefused."""
    in_person(actor)
    row = queries.row(work, grant_id, actor)
    held = [scope for scope in GRANT_SCOPES if actor.may_in(scope, row.org_id)]
    if "datasets:extract:request" not in held:
        text = Text(
            "只有被授权机构的分析员可以为授权创建密钥。",
            "Only an analyst of the grant's own organisation may make keys for it.",
        )
        raise AccessRefused(text, reasons=[Reason("not-an-analyst-of-the-grantee", text, bases.ROLES)])
    if State(row.state) in FINAL or row.ends_at <= work.now:
        raise Conflict(
            Text("授权已结束，不能再创建密钥。", "The grant has ended; no key can be made for it.")
        )
    if beyond := sorted(set(ask.scopes) - set(held)):
        raise InputRefused(
            Text(
                f"密钥不能含这些权限：{'、'.join(beyond)}；可选：{'、'.join(held)}。",
                f"The key may not hold {', '.join(beyond)}; choose among {', '.join(held)}.",
            ),
            field="scopes",
        )
    jwks = assertions.key_set(ask.jwks) if ask.jwks.strip() else ""
    wanted = ApiKeyCreate(name=ask.name, scopes=ask.scopes or held, networks=ask.networks, days=ask.days)
    return api_keys.create(work, actor, wanted, Bond(grant_id, row.ends_at, jwks))


def listed(work: Work, actor: Actor, grant_id: GrantId) -> list[GrantKeyRead]:
    """The keys of the grant, newest first; the holder's own people and those who watch see them all. NotFound outside sight."""
    queries.row(work, grant_id, actor)
    if actor.grant is not None:
        in_person(actor)
    return [
        GrantKeyRead.model_validate(key, update={"owner": account_row(work, account_id).username})
        for key, account_id in api_keys.of_grant(work, grant_id)
    ]


def may_end(actor: Actor, row: GrantRow) -> bool:
    """Whether the actor answers for the grant: an officer of its holder, or a security officer."""
    return actor.grant is None and (
        actor.may_in("auth:grant:relinquish", row.org_id) or actor.may("auth:grant:suspend")
    )


def revoke(work: Work, actor: Actor, grant_id: GrantId, key_id: str) -> ApiKeyRead:
    """End a key of the grant: one's own, or any for whoever answers for the grant. NotFound otherwise."""
    row = queries.row(work, grant_id, actor)
    if key_id not in {key.id for key, _ in api_keys.of_grant(work, grant_id)}:
        raise api_keys.missing()
    return api_keys.revoke(work, actor, key_id, as_keeper=may_end(actor, row))
