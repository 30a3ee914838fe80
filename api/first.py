"""The first two administrators of an installation: nobody is there yet who could enter them, and one alone could give no role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlmodel import select

from api.house import House
from auth.actor import SYSTEM
from auth.identity import passwords
from auth.identity.service import OrgKind, create_account, create_organisation
from auth.identity.tables import AccountRow
from auth.roles import Role
from core.errors import Conflict, InputRefused
from core.text import Text

BUREAU: Final = "bureau"


def first_administrators(house: House, people: Sequence[tuple[str, str]], org_name: Text) -> None:
    """Enter the implementing body and its administrators, (user name, password) each. Raises Conflict when anybody is there already."""
    if len({username.strip().lower() for username, _ in people}) < 2:
        raise InputRefused(
            Text(
                "首次建立须有两位不同的管理员：授予和收回角色由两人办理。",
                "An installation begins with two different administrators: roles are given and ended by two people.",
            ),
            field="second-admin",
        )
    stored = [(username, passwords.hashed(password)) for username, password in people]
    with house.write() as work:
        if work.db.exec(select(AccountRow.id)).first() is not None:
            raise Conflict(
                Text(
                    "该安装已有账户；请由现有系统管理员添加人员（datagrant user create）。",
                    "This installation has accounts; its administrator adds people (datagrant user create).",
                )
            )
        create_organisation(work, SYSTEM, org_name, OrgKind.IMPLEMENTING_BODY, org_id=BUREAU)
        for username, password in stored:
            create_account(
                work, SYSTEM, username, password, Text(username, username), BUREAU, [Role.SYSADMIN]
            )
