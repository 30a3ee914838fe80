"""Who acts. A frozen value made by the edge from proven identity, handed to every service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from auth.roles import Role, lends, permitted
from core import bases
from core.errors import AccessRefused, NotSignedIn, Reason
from core.text import Text

Via = Literal["session", "token", "api_key", "system", "anonymous"]
PLATFORM: Final = "*"
READS_IN_PLACE: Final = frozenset({"datasets:share:read"})
"""What the key of a reading profile is limited to."""


@dataclass(frozen=True, slots=True)
class Lender:
    """The decider or reviewer for whom a deputy acts."""

    person_id: str
    username: str
    org_id: str | None


@dataclass(frozen=True, slots=True)
class RoleAt:
    """A role within a scope: an organisation id, or `*` for the whole platform. `lender`: whose it is, when it is only lent."""

    role: Role
    scope: str
    lender: Lender | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A person acting through an account. `person_id` is the human being: two accounts of one person share it.

    `only`: the permissions that the proof is limited to (an API key's scopes); None = no limit. `grant`: the one grant that the
    proof is bound to; None = not bound.
    `epoch`: the account's when the proof was made; the proof ends when the account's is raised.
    `origin`: the shortened network address that the request came from, `local` within this machine's own command.
    `address`: the whole of it, for grants that are bound to networks; it is kept nowhere. "" where nobody asks from anywhere.
    `has_factor`: whether a second factor was enrolled when the proof was looked at; None = nobody looked.
    """

    account_id: str
    person_id: str
    username: str
    name: Text
    org_id: str | None
    roles: frozenset[RoleAt] = field(default_factory=frozenset)
    via: Via = "session"
    session_id: str | None = None
    only: frozenset[str] | None = None
    grant: str | None = None
    origin: str = ""
    address: str = field(default="", compare=False, repr=False)
    epoch: int | None = field(default=None, compare=False)
    has_factor: bool | None = field(default=None, compare=False)

    @property
    def is_signed_in(self) -> bool:
        return self.via not in ("anonymous", "system")

    @property
    def role_kinds(self) -> frozenset[Role]:
        return frozenset(held.role for held in self.roles)

    @property
    def own_kinds(self) -> frozenset[Role]:
        """Without what is only lent."""
        return frozenset(held.role for held in self.roles if held.lender is None)

    def may(self, permission: str) -> bool:
        """Whether some role, in whatever scope, permits this at all. A lent role permits only what may be lent."""
        return self.via == "system" or (
            self.covers(permission) and (permitted(self.own_kinds, permission) or self._is_lent(permission))
        )

    def _is_lent(self, permission: str) -> bool:
        return any(held.lender is not None and lends(held.role, permission) for held in self.roles)

    def covers(self, permission: str) -> bool:
        """Whether the proof itself, apart from any role, lets this through."""
        return self.only is None or permission in self.only

    def roles_in(self, org_id: str | None) -> frozenset[Role]:
        """Roles that count towards an object of organisation `org_id` (its own scope or the platform's)."""
        return frozenset(
            held.role for held in self.roles if held.scope in (PLATFORM, org_id) and held.lender is None
        )

    def may_in(self, permission: str, org_id: str | None) -> bool:
        """Whether a role that is valid for that organisation permits this."""
        return self.via == "system" or (
            self.covers(permission) and permitted(self.roles_in(org_id), permission)
        )

    def demand(self, permission: str) -> None:
        """Raise NotSignedIn or AccessRefused unless `may(permission)`."""
        if self.may(permission):
            return
        if self.via == "anonymous":
            raise NotSignedIn(Text("请先登录再继续。", "Sign in to go on."))
        if self.only is not None and not self.covers(permission):
            text = _beyond_the_key(self.only, permission)
            raise AccessRefused(text, reasons=[Reason("key-lacks-permission", text, bases.ROLES)])
        text = Text(
            f"您的角色不含权限 {permission}；请联系系统管理员。",
            f"Your roles do not include {permission}; ask the system administrator.",
        )
        raise AccessRefused(text, reasons=[Reason("role-lacks-permission", text, bases.ROLES)])


def _beyond_the_key(only: frozenset[str], permission: str) -> Text:
    """Which kind of key this is, what it lacks, and which one to use."""
    held = sorted(only)
    if only == READS_IN_PLACE:
        return Text(
            f"这是读取配置文件中的密钥，只供 Delta Sharing 客户端按一项用途就地读取，不含权限 {permission}。"
            "其他程序（包括 datagrant.read）请用在授权页或以 datagrant grant key-make 创建的授权密钥。",
            f"This key comes from a reading profile: it lets Delta Sharing's clients read in place for one purpose and does not hold {permission}. "
            "For anything else, datagrant.read included, use a key of the grant, made on the grant's page or by datagrant grant key-make.",
        )
    return Text(
        f"这把密钥只含权限 {'、'.join(held)}，不含 {permission}；请换用含该权限的密钥。",
        f"This key holds {', '.join(held)} alone and not {permission}; use a key that holds it.",
    )


ANYONE: Final = Actor("", "", "anonymous", Text("访客", "Visitor"), None, via="anonymous")
SYSTEM: Final = Actor("system", "system", "system", Text("系统", "System"), None, via="system")
