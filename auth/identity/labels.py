"""Names of identity's code lists, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auth.identity.tables import LicenceState, OrgKind
from core.text import Text

ORG_KIND_NAMES: Final[Mapping[OrgKind, Text]] = {
    OrgKind.IMPLEMENTING_BODY: Text("实施机构", "Implementing body"),
    OrgKind.SOURCE_DEPARTMENT: Text("数源单位", "Source department"),
    OrgKind.OPERATOR: Text("运营机构", "Operating body"),
    OrgKind.DEVELOPER: Text("开发主体", "Developer"),
    OrgKind.SUPERVISOR: Text("监管单位", "Supervisor"),
}

LICENCE_NAMES: Final[Mapping[LicenceState, Text]] = {
    LicenceState.PENDING: Text("待审核", "Pending"),
    LicenceState.QUALIFIED: Text("合格", "Qualified"),
    LicenceState.SUSPENDED: Text("暂停", "Suspended"),
    LicenceState.LAPSED: Text("已到期", "Lapsed"),
    LicenceState.DISQUALIFIED: Text("已取消", "Disqualified"),
}


def licence_named(state: str) -> Text:
    """A licence's state in words; what is none, as it was said."""
    return LICENCE_NAMES[LicenceState(state)] if state in set(LicenceState) else Text(state, state)


CHANGE_KIND_NAMES: Final[Mapping[str, Text]] = {
    "role.give": Text("授予角色", "Give a role"),
    "role.take": Text("收回角色", "End a role"),
    "break_glass": Text("应急授权", "Break-glass"),
    "password.set": Text("重置口令", "Set a password"),
    "factor.reset": Text("重置动态验证", "Reset second factor"),
    "link.add": Text("关联统一身份", "Link an identity"),
}
CHANGE_STATE_NAMES: Final[Mapping[str, Text]] = {
    "WAITING": Text("待确认", "Waiting"),
    "CONFIRMED": Text("已确认", "Confirmed"),
    "REFUSED": Text("已否决", "Refused"),
    "WITHDRAWN": Text("已撤回", "Withdrawn"),
    "LAPSED": Text("已过期", "Lapsed"),
}
