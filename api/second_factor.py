"""Asking for the second factor: at sign-in where one is enrolled, and afresh before what cannot be taken back lightly.

A program gives the code in the header `X-OTP`, a form in its field `otp`. A page that is asked for a code shows everything that was
typed again as hidden fields, so nothing is lost: see `errors.py` and `second_factor/ask.html`.
"""

from __future__ import annotations

from typing import Final

from api.house import House
from api.sample.people import is_seeded
from auth.actor import Actor
from auth.identity import factor
from auth.identity.factor import Outcome, Standing
from auth.roles import FACTOR_ROLES, PERMISSIONS, Role
from core.errors import Reason, SecondFactorNeeded, TooMany
from core.text import Text, number_of

HEADER: Final = "x-otp"
FIELD: Final = "otp"
BASIS: Final = "二次验证 · second factor within minutes (docs/identity.md)"


def due_roles(house: House) -> frozenset[Role]:
    """Roles that must have a second factor here. Settings name them; a demo asks nobody unless they do."""
    said = house.settings.second_factor_roles
    if said is not None and said.strip():
        words = {word.strip() for word in said.split(",")} - {"", "none"}
        return frozenset(Role(word) for word in words)
    return frozenset() if house.settings.demo or is_seeded(house) else FACTOR_ROLES


def is_due(house: House, actor: Actor) -> bool:
    return not actor.role_kinds.isdisjoint(due_roles(house))


def acts_unproven(house: House, actor: Actor, permission: str) -> bool:
    """Whether the actor holds this permission by roles alone that must have a second factor, so that one has to be enrolled."""
    if actor.via == "system" or permission.endswith(":read"):
        return False
    due = due_roles(house) & actor.role_kinds
    return bool(due) and actor.role_kinds.isdisjoint(PERMISSIONS[permission] - due)


def demand_enrolled(house: House, actor: Actor) -> None:
    """Raise SecondFactorNeeded unless the account has a second factor; asks for no code."""
    if not _is_enrolled(house, actor):
        raise not_enrolled()


def is_to_enrol(house: House, actor: Actor) -> bool:
    """Whether the actor's roles demand a second factor that the account does not have yet."""
    return is_due(house, actor) and not _is_enrolled(house, actor)


def _is_enrolled(house: House, actor: Actor) -> bool:
    if actor.has_factor is not None:  # seen when the actor's proof was looked at
        return actor.has_factor
    with house.glance() as work:
        return factor.is_enrolled(work, actor.account_id)


def not_enrolled() -> SecondFactorNeeded:
    return _needed(
        "second-factor-not-enrolled",
        Text(
            "此操作要求动态验证，您的账户尚未绑定；请先在“我的账户 → 动态验证”绑定（命令行：datagrant factor begin）。",
            "This step asks for a second factor and your account has none; enrol one first at /me/second-factor (datagrant factor begin).",
        ),
    )


def is_never_asked(house: House, actor: Actor) -> bool:
    """Whether `demand_fresh` has nothing to look up: it was seen with the actor's proof that he has no factor, and no role of his demands one."""
    return actor.has_factor is False and not is_due(house, actor)


def demand_fresh(house: House, actor: Actor, given: str) -> None:
    """Raise SecondFactorNeeded unless a code was given within the last minutes, or is given now."""
    if actor.via == "system":
        return
    minutes = house.settings.second_factor_minutes
    with house.glance() as work:
        at = factor.standing(work, actor, due_roles(house), minutes)
    if at is Standing.NOT_ENROLLED:
        raise not_enrolled()
    if at is Standing.STALE:
        if not given:
            raise _needed(
                "second-factor-stale",
                Text(
                    f"此操作要求 {minutes} 分钟内的动态验证：请输入应用显示的 6 位数字或一个恢复码（接口：请求头 X-OTP；命令行：--otp）。",
                    f"This step asks for a second factor given within {number_of(minutes, 'minutes')}: enter the 6 digits of your app or a recovery code (HTTP: header X-OTP; command: --otp).",
                ),
            )
        prove(house, actor, given)


def prove(house: House, actor: Actor, code: str, *, fresh: bool = True) -> None:
    """Take a code; a failure is counted before it is refused."""
    with house.write() as work:
        outcome = factor.prove(work, actor, house.settings.keys_dir, code, house.settings)
        if outcome is Outcome.RIGHT and fresh:
            factor.note_fresh_for(work, actor)
    if outcome is Outcome.LOCKED:
        raise TooMany(
            Text(
                "动态验证错误次数过多，已暂时锁定；请稍后再试，或联系系统管理员。",
                "Too many wrong codes; the second factor is locked for a while. Wait, or ask the administrator.",
            )
        )
    if outcome is not Outcome.RIGHT:
        raise _needed(
            "second-factor-wrong",
            Text(
                "验证码不正确或已经用过；请等应用显示下一个 6 位数字后再输入，或使用一个未用过的恢复码。",
                "The code is wrong or was used already; wait for the next 6 digits of your app, or use an unused recovery code.",
            ),
        )


def _needed(code: str, text: Text) -> SecondFactorNeeded:
    return SecondFactorNeeded(text, reasons=[Reason(code, text, BASIS)])
