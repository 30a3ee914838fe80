"""Agreements and plans as they are stored, read by a version that may not know all their words."""

from __future__ import annotations

from typing import Final

from auth.agreements.model import AgreementBody, PlanBody
from auth.agreements.tables import AgreementRow, PlanRow
from auth.stored import readable
from core.text import Text

_AGREEMENT: Final = Text(
    "协议“{title}”（{id}）含有本版本不能读取的内容（{places}），不能据以授权；请联系安全管理员。",
    "Agreement “{title}” ({id}) holds what this version cannot read ({places}); nothing is authorised by it. Tell the security officer.",
)
_PLAN: Final = Text(
    "实施方案“{title}”（{id}）含有本版本不能读取的内容（{places}）；请联系安全管理员。",
    "Plan “{title}” ({id}) holds what this version cannot read ({places}). Tell the security officer.",
)


def body_of(row: AgreementRow) -> AgreementBody:
    """What the agreement says. Raises Unavailable where this version does not know its terms: it then covers nothing."""
    with readable(_AGREEMENT, title=row.title, id=row.id):
        return AgreementBody.model_validate_json(row.body)


def plan_body_of(row: PlanRow) -> PlanBody:
    """What the plan says. Raises Unavailable where this version does not know its words."""
    with readable(_PLAN, title=row.title, id=row.id):
        return PlanBody.model_validate_json(row.body)
