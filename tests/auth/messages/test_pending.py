"""A grant that nobody activates is not void out of the blue: its holder and the stewards who could activate it are warned, each day's warning once. On both databases."""

from __future__ import annotations

import pytest
from sqlmodel import select

from api.house import House
from auth.deadlines import note_due
from auth.grants import service as grants
from auth.grants.tables import GrantRow
from auth.grants.workflow import State
from auth.identity.tables import AccountRow
from auth.messages.reminders import remind_due
from auth.messages.tables import MessageRow
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def warned(desk: Desk) -> list[str]:
    with desk.house.write() as work:
        remind_due(work)
    with desk.house.read() as work:
        wanted = select(AccountRow.username).join(MessageRow, MessageRow.account_id == AccountRow.id)  # type: ignore[arg-type]
        return sorted(work.db.exec(wanted.where(MessageRow.kind == "reminder.pending")))


def test_holders_and_stewards_are_warned_before_a_grant_is_void(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk, at="PENDING")
    assert warned(desk) == []
    clock.forward(days=60)
    assert warned(desk) == ["applicant", "officer", "steward_a", "steward_b"]
    assert len(warned(desk)) == 4, "each warning once"
    clock.forward(days=23)
    assert len(warned(desk)) == 8, "seven days before"
    clock.forward(days=6)
    assert len(warned(desk)) == 12
    with desk.house.write() as work:
        assert note_due(work) == 0, "warned of a day that has not come"
    clock.forward(days=1, seconds=1)
    with desk.house.write() as work:
        grants.expire_due(work)
        assert work.db.get_one(GrantRow, grant.id).state == State.VOID
    assert len(warned(desk)) == 12


def test_an_active_grant_is_not_warned_of(desk: Desk, clock: TestClock) -> None:
    a_grant(desk)
    clock.forward(days=85)
    assert warned(desk) == []
