"""The demo's organisations and accounts. They exist only in an installation that was made as a demo."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlmodel import select

from api.house import House
from api.sample.actors import ORGANISATIONS, PEOPLE
from auth.actor import SYSTEM
from auth.identity import passwords
from auth.identity.service import LicenceState, create_account, create_organisation
from auth.identity.tables import AccountRow
from core.text import Text

PASSWORD: Final = "datagrant-demo"  # noqa: S105 - printed on the sign-in page; refused outside demo mode
MARK: Final = "demo"
DONE: Final = "demo-played"


def already_played(data_dir: Path) -> bool:
    """Whether the whole demo was played into this directory."""
    return (data_dir / DONE).exists()


def is_seeded(house: House) -> bool:
    """Whether this installation was made as a demo."""
    return (house.settings.data_dir / MARK).exists()


def seed_people(house: House) -> None:
    """Enter organisations and accounts in one transaction; does nothing the second time."""
    (house.settings.data_dir / MARK).touch()
    with house.read() as work:
        if work.db.exec(select(AccountRow.id).where(AccountRow.username == PEOPLE[0].username)).first():
            return
    stored = passwords.hashed(PASSWORD)
    with house.write() as work:
        for org in ORGANISATIONS:
            create_organisation(
                work, SYSTEM, org.name, org.kind, org_id=org.id, credit_code=org.credit_code,
                licence_state=LicenceState.QUALIFIED if org.is_enterprise else LicenceState.PENDING,
                licence_valid_to=org.licence_valid_to,
            )  # fmt: skip
        for person in PEOPLE:
            name = Text(person.name_zh, person.name_en)
            create_account(work, SYSTEM, person.username, stored, name, person.org, person.roles)
