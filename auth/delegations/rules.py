"""Who may stand in for whom, for what and how long. Pure: every reason against a delegation; () when it may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from auth.actor import PLATFORM, RoleAt
from auth.delegations.workflow import BARRED
from auth.roles import LENDABLE, ROLE_NAMES, Role
from core.errors import Reason
from core.text import Text, number_of

BASIS: Final = "代理与职责分离 · delegation and segregation of duties (§4.3)"


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two: the person, and the roles of all his accounts that are his own at this moment."""

    person_id: str
    roles: frozenset[RoleAt]


@dataclass(frozen=True, slots=True)
class Cover:
    """A delegation offered or agreed elsewhere: who stands in for whom, when; both days count."""

    principal: str
    deputy: str
    starts_on: date
    ends_on: date

    def meets(self, starts_on: date, ends_on: date) -> bool:
        return self.starts_on <= ends_on and starts_on <= self.ends_on


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be delegated: one of one's own roles, in a scope, for some days."""

    scope: str
    starts_on: date
    ends_on: date
    role: Role = Role.APPROVER


def covers(scopes: Iterable[str], scope: str) -> bool:
    """Whether a role held in `scopes` reaches `scope`: nobody passes on more than he has."""
    return any(held in (PLATFORM, scope) for held in scopes)


def scopes_of(roles: Iterable[RoleAt], role: Role) -> frozenset[str]:
    """The scopes in which one holds the role oneself; what was lent cannot be lent on."""
    return frozenset(held.scope for held in roles if held.role is role and held.lender is None)


def objections(
    wish: Wish, principal: Party, deputy: Party, others: Iterable[Cover], today: date, *, most_days: int
) -> tuple[Reason, ...]:
    """Every reason against it now; asked when it is offered, and again when the deputy agrees. `most_days`: the profile's."""
    return tuple(_objections(wish, principal, deputy, tuple(others), today, most_days))


def _objections(
    wish: Wish, principal: Party, deputy: Party, others: tuple[Cover, ...], today: date, most_days: int
) -> Iterator[Reason]:
    if wish.role not in LENDABLE:
        name = ROLE_NAMES[wish.role]
        yield _reason(
            "role-not-lendable",
            f"“{name.zh}”不能委托；只有审批人与审核人可以委托代理。",
            f"The role “{name.en}” cannot be delegated; approvers and reviewers alone name deputies.",
        )
    elif not covers(scopes_of(principal.roles, wish.role), wish.scope):
        yield _reason(
            "delegation-too-wide",
            f"委托范围 {wish.scope} 超出委托人自己在该角色上的范围；只能委托自己现有的范围，受托的权限不能再转托。",
            f"The scope {wish.scope} is wider than the principal's own; only one's own scope can be delegated, and what was lent cannot be lent on.",
        )
    if deputy.person_id == principal.person_id:
        yield _reason(
            "deputy-is-oneself",
            "不能委托给自己的另一个账号。",
            "Another account of the same person is no deputy.",
        )
    barred = sorted({held.role.value for held in deputy.roles if held.role in BARRED})
    if barred:
        yield _reason(
            "deputy-barred",
            f"该人员任 {'、'.join(barred)}，不得参与审核审批，因此不能代理；请另选一人。",
            f"That person holds {', '.join(barred)} and may review and decide nothing, so cannot stand in; choose somebody else.",
        )
    elif not deputy.roles:
        yield _reason(
            "deputy-without-role",
            "代理人没有任何机关侧角色；请另选一人。",
            "The deputy holds no role on the bureau's side; choose somebody else.",
        )
    if wish.ends_on < wish.starts_on or wish.ends_on < today:
        yield _reason(
            "delegation-period",
            "代理期的止早于起，或已过去；请改期。",
            "The period ends before it starts, or is over; change it.",
        )
    elif (wish.ends_on - wish.starts_on).days + 1 > most_days:
        yield _reason(
            "delegation-too-long",
            f"代理期最长 {most_days} 天；更长的请另行授予角色。",
            f"A deputy stands in for {number_of(most_days, 'days')} at most; for longer, a role must be given.",
        )
    for other in others:
        if not other.meets(wish.starts_on, wish.ends_on):
            continue
        if other.principal == deputy.person_id:
            yield _reason(
                "delegation-chain",
                "该代理人同期自己委托了他人，不能形成链条；请另选一人或改期。",
                "That deputy has a deputy in the same time; no chains. Choose somebody else, or other days.",
            )
        if other.deputy == principal.person_id:
            yield _reason(
                "delegation-chain",
                "您同期为他人代理，不能再委托他人；请先终止该代理。",
                "You stand in for somebody in the same time and cannot have a deputy; end that first.",
            )


def _reason(code: str, zh: str, en: str) -> Reason:
    return Reason(code, Text(zh, en), BASIS)
