"""What was handed in with an act of registration, as it is stored."""

from __future__ import annotations

from typing import Final

from auth.registrations.rules import BASIS, Body
from auth.registrations.tables import RegistrationRow
from auth.stored import readable
from core.text import Text

_UNREADABLE: Final = Text(
    "“{title_zh}”的登记（{id}）含有本版本不能读取的内容（{places}），不能据以办理；请退回重新填报，或联系安全管理员。",
    "The registration of “{title_en}” ({id}) holds what this version cannot read ({places}); nothing is done on it. Have it returned and "
    "written anew, or tell the security officer.",
)


def body_of(row: RegistrationRow) -> Body:
    """Raises Unavailable where this version does not know its words."""
    with readable(_UNREADABLE, basis=BASIS, title_zh=row.title_zh, title_en=row.title_en, id=row.id):
        return Body.model_validate_json(row.body)
