"""Pure rules of identity: codes, roles that may not meet, licences. Each gives its reasons; none means permitted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from ipaddress import ip_address, ip_network
from typing import Final

from auth.actor import PLATFORM, RoleAt
from auth.roles import Role
from core.errors import Reason
from core.text import Text

CHINA: Final = timezone(timedelta(hours=8), "UTC+8")
USERNAME: Final = re.compile(r"[a-z][a-z0-9._-]{1,39}")
ORG_ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}", re.IGNORECASE)
COUNTRY: Final = re.compile(r"[A-Z]{2}")
HOME: Final = "CN"
MAX_KEY_DAYS: Final = 180
MAX_NETWORKS: Final = 20

PLATFORM_ROLES: Final = frozenset({Role.SYSADMIN, Role.AUDITOR, Role.SECURITY_OFFICER, Role.CATALOG_ADMIN})
ENTERPRISE_ROLES: Final = frozenset({Role.ORG_OFFICER, Role.APPLICANT, Role.ANALYST})
DECIDING_ROLES: Final = frozenset(
    {
        Role.REVIEWER_BUSINESS,
        Role.REVIEWER_SECURITY,
        Role.APPROVER,
        Role.OUTPUT_CHECKER,
        Role.SECURITY_OFFICER,
    }
)
# Whoever holds none but these decides nothing and confirms nothing: his password may be set by one administrator.
ALONE_ROLES: Final = frozenset({Role.APPLICANT, Role.ANALYST})
ENTERPRISE_KINDS: Final = frozenset({"operator", "developer"})

_CODE_DIGITS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODE_WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def local_moment(moment: datetime) -> str:
    """An instant as people here read it, with the clock it is told by."""
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M:%S} (UTC+8)"


def credit_code_is_valid(code: str) -> bool:
    """Whether an 18-character unified social credit code has its right check character (GB 32100-2015, mod 31)."""
    if len(code) != 18 or any(sign not in _CODE_DIGITS for sign in code):
        return False
    total = sum(_CODE_DIGITS.index(sign) * weight for sign, weight in zip(code, _CODE_WEIGHTS, strict=False))
    return _CODE_DIGITS[-total % 31] == code[17]


def licence_state_on(state: str, valid_to: date | None, now: datetime) -> str:
    """The state that counts at `now`: a QUALIFIED licence has LAPSED once its last day is over in China."""
    if state == "QUALIFIED" and (valid_to is None or now.astimezone(CHINA).date() > valid_to):
        return "LAPSED"
    return state


_LICENCE: Final[Mapping[str, Text]] = {
    "PENDING": Text("{name}的主体资格尚未审核通过。", "{name}'s qualification has not been approved yet."),
    "SUSPENDED": Text("{name}的主体资格已暂停。", "{name}'s qualification is suspended."),
    "LAPSED": Text("{name}的主体资格已于 {day} 到期。", "{name}'s qualification ended on {day}."),
    "DISQUALIFIED": Text("{name}已被取消主体资格。", "{name} has been disqualified."),
}


def licence_reason(kind: str, name: Text, state: str, valid_to: date | None) -> Reason | None:
    """Why an enterprise in this (effective) state may not use grants; public bodies need no licence."""
    if kind not in ENTERPRISE_KINDS or state == "QUALIFIED":
        return None
    words = _LICENCE.get(state, _LICENCE["PENDING"])
    text = Text(
        words.zh.format(name=name.zh, day=valid_to or "—"), words.en.format(name=name.en, day=valid_to or "—")
    )
    return Reason("organisation-not-qualified", text, "发改数据规〔2025〕27号", {"licence_state": state})


def default_scope(role: Role, org_id: str | None, org_kind: str | None) -> str:
    """Where a role counts unless said otherwise: the bureau's everywhere, a department's and an enterprise's at home."""
    if role in PLATFORM_ROLES or org_kind in ("implementing_body", "supervisor") or org_id is None:
        return PLATFORM
    return org_id


def own_change_objections(*, is_own: bool) -> tuple[Reason, ...]:
    """Nobody changes his own roles, not even to give one up: another administrator asks."""
    if not is_own:
        return ()
    text = Text(
        "不得变更自己的角色；请另一位管理员办理。",
        "Nobody changes his own roles; ask another administrator.",
    )
    return (Reason("own-role", text, "separation of duties"),)


def password_takes_two(roles: Iterable[Role], *, has_factor: bool) -> bool:
    """Whether setting somebody's password takes two administrators. `roles`: held now or later, and those that wait."""
    return has_factor or not frozenset(roles) <= ALONE_ROLES


def own_account_objections(*, is_own: bool) -> tuple[Reason, ...]:
    """What proves a person is changed by himself with his present proof, or by others; never by himself as administrator."""
    if not is_own:
        return ()
    text = Text(
        "不得以管理员身份变更自己的登录凭据；请在“我的”页面办理，或请其他管理员办理。",
        "Nobody changes as administrator what proves himself; use your own page, or ask other administrators.",
    )
    return (Reason("own-account", text, "separation of duties (8)"),)


def second_person_objections(*, is_asker: bool, is_concerned: bool) -> tuple[Reason, ...]:
    """Who may not confirm a change of roles: the person who asked for it, and the person whom it concerns."""
    found = []
    if is_asker:
        text = Text(
            "提出变更的人不得自行确认；请另一位管理员确认。",
            "Whoever asked for the change does not confirm it; another administrator must.",
        )
        found.append(Reason("second-person", text, "separation of duties (8)"))
    if is_concerned:
        text = Text(
            "变更涉及的本人不得确认；请另一位管理员确认。",
            "The person whom the change concerns does not confirm it; another administrator must.",
        )
        found.append(Reason("own-role", text, "separation of duties (8)"))
    return tuple(found)


def role_objections(
    role: Role, scope: str, *, held: Iterable[RoleAt], org_id: str | None, org_kind: str | None, is_own: bool
) -> tuple[Reason, ...]:
    """Every reason not to give `role` at `scope` to an account of that organisation. `held`: roles valid now.

    Source: authorization design §4.3 rules 8 and 9.
    """
    kinds = {other.role for other in held} | {role}
    allowed: set[str | None]
    found: list[Reason] = []

    def object_(code: str, zh: str, en: str) -> None:
        found.append(Reason(code, Text(zh, en), "separation of duties"))

    if is_own:
        object_(
            "own-role",
            "不得给自己授予角色；请另一位管理员办理。",
            "Nobody grants roles to himself; ask another administrator.",
        )
    if Role.SYSADMIN in kinds and kinds & DECIDING_ROLES:
        object_(
            "sysadmin-decides", "系统管理员不得兼任审核、审批或安全管理角色。",
            "A system administrator may not also review, approve or act as security officer.",
        )  # fmt: skip
    if Role.AUDITOR in kinds and len(kinds) > 1:
        object_("auditor-writes", "审计员不得兼任任何其他角色。", "An auditor holds no other role.")
    enterprise = org_kind in ENTERPRISE_KINDS
    if (role in ENTERPRISE_ROLES) != enterprise:
        object_(
            "role-of-other-side", "企业角色只授予企业人员，机关角色只授予机关人员。",
            "Enterprise roles are for people of enterprises, public roles for people of public bodies.",
        )  # fmt: skip
    public_body = org_kind in ("implementing_body", "supervisor", None)
    if role in PLATFORM_ROLES:
        allowed, words = {PLATFORM}, Text("*（全平台）", "* (the whole platform)")
    elif public_body:
        allowed, words = (
            {PLATFORM, org_id or PLATFORM},
            Text("* 或本单位", "* or the person's own organisation"),
        )
    else:
        allowed, words = {org_id}, Text("本单位", "the person's own organisation")
    if scope not in allowed:
        object_("scope", f"该角色的范围只能是{words.zh}。", f"The scope of this role can only be {words.en}.")
    return tuple(found)


def networks_of(words: Iterable[str]) -> tuple[str, ...]:
    """Addresses and networks in their canonical form, each once.

    Raises ValueError: the first that is none, or how many there are; without words, since readers differ in language.
    """
    found: dict[str, None] = {}
    for word in words:
        try:
            found[str(ip_network(word.strip(), strict=False))] = None
        except ValueError:
            raise ValueError(word.strip()[:80]) from None
    if len(found) > MAX_NETWORKS:
        raise ValueError(f"{len(found)} > {MAX_NETWORKS}")
    return tuple(found)


def are_within(networks: Iterable[str], others: Iterable[str]) -> bool:
    """Whether every network lies in one of the others; none means anywhere."""
    wide = [ip_network(each) for each in others]
    held = [ip_network(each) for each in networks]
    if not wide or not held:
        return not wide
    return all(
        any(each.version == other.version and each.subnet_of(other) for other in wide)  # type: ignore[arg-type]
        for each in held
    )


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether an address lies in one of the networks. What is no address lies in none; IPv4 written as IPv6 counts as IPv4."""
    try:
        at = ip_address(address)
    except ValueError:
        return False
    at = getattr(at, "ipv4_mapped", None) or at
    return any(at in ip_network(network) for network in networks)
