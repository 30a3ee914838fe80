"""Whether somebody may use his organisation's grants at this instant as one of its own: he belongs to it, and it stands behind him.

Asked at each use, so that nothing waits for a sweep: who left, or is vouched for no more, takes nothing from that second on.
"""

from __future__ import annotations

from typing import Final

from sqlmodel import col, select

from auth.actor import Actor
from auth.policy.filters.rules import LOCAL
from auth.policy.model import GrantPolicy
from auth.policy.rules import member_objections
from auth.profile.now import profile
from auth.vouching.tables import VouchRow
from auth.vouching.workflow import State
from core.errors import Reason
from core.text import Text
from core.work import Work

BASIS: Final = "人员担保 · vouching for members (authorisation §4.6)"
LEFT: Final = Reason(
    "member-left",
    Text(
        "您的账号不属于被授权机构，不能使用其授权。账号所属机构不作更改；您确属该机构的，请由一名系统管理员为您新建该机构的账号并申请授予角色，由另一名确认。",
        "Your account does not belong to the grant's organisation and cannot use its grants. An account's organisation is never changed: if you belong to that one, a system administrator makes you a new account of it and asks for its role, and a second one confirms.",
    ),
    BASIS,
)
NOT_VOUCHED: Final = Reason(
    "member-not-vouched",
    Text(
        "贵机构负责人尚未为您担保，或担保已终止、到期；请机构负责人在“人员担保”中为您担保后再用。",
        "Your organisation's officer does not stand behind you, or no longer: ask the officer to vouch for you on the page “Members”, then try again.",
    ),
    BASIS,
)


def at_use(work: Work, actor: Actor, org_id: str, policy: GrantPolicy) -> tuple[Reason, ...]:
    """Why this person may not use the grant of that policy now, as a member of its holder; () when he may."""
    if actor.org_id != org_id:
        return (LEFT,)
    named = member_objections(policy, actor.account_id)
    if profile(work).vouching and not stands(work, actor.account_id, org_id):
        return (*named, NOT_VOUCHED)
    return named


def stands(work: Work, account_id: str, org_id: str) -> bool:
    """Whether the organisation stands behind the account today."""
    wanted = select(VouchRow.id).where(
        VouchRow.account_id == account_id,
        VouchRow.org_id == org_id,
        VouchRow.state == State.VOUCHED,
        col(VouchRow.until) >= work.now.astimezone(LOCAL).date(),
    )
    return work.db.exec(wanted.limit(1)).first() is not None
