"""The first administrator of an installation: nobody is there yet who could enter him."""

from __future__ import annotations

from typing import Final

from sqlmodel import select

from api.house import House
from auth.actor import SYSTEM
from auth.identity import passwords
from auth.identity.service import OrgKind, create_account, create_organisation
from auth.identity.tables import AccountRow
from auth.roles import Role
from core.errors import Conflict
from core.text import Text

BUREAU: Final = "bureau"


def first_administrator(house: House, username: str, password: str, org_name: Text) -> None:
    """Enter the implementing body and its administrator. Raises Conflict when anybody is there already."""
    stored = passwords.hashed(password)
    with house.write() as work:
        if work.db.exec(select(AccountRow.id)).first() is not None:
            raise Conflict(
                Text(
                    "该安装已有账户；请由现有系统管理员添加人员（datagrant user create）。",
                    "This installation has accounts; its administrator adds people (datagrant user create).",
                )
            )
        create_organisation(work, SYSTEM, org_name, OrgKind.IMPLEMENTING_BODY, org_id=BUREAU)
        create_account(work, SYSTEM, username, stored, Text(username, username), BUREAU, [Role.SYSADMIN])
