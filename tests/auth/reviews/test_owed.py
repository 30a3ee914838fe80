"""A half year's certification that nobody has opened is told once, and stands on the start page of whoever opens it. On both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from api.agenda import agenda
from api.house import House
from auth import deadlines
from auth.reviews import rules, service
from auth.reviews.service import CampaignOpen
from tests.auth.messages.test_grants_told import told
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant
from tests.people import actor_of

PILE = "Certification of grants to open"
WATCHES = ["watch", "watch2"]


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def note(desk: Desk) -> bool:
    """Whether anything was due; it is noted."""
    with desk.house.write() as work:
        was_due = deadlines.is_anything_due(work)
        deadlines.note_due(work)
        return was_due


def piles(desk: Desk) -> set[str]:
    with desk.house.read() as work:
        return {
            who for who in (*WATCHES, "approver", "auditor", "officer")
            if any(each.label.en == PILE for each in agenda(work, actor_of(work, who)))
        }  # fmt: skip


def open_campaign(desk: Desk) -> None:
    with desk.write("watch") as (work, actor):
        service.open_campaign(work, actor, CampaignOpen())


def test_it_is_told_once_in_a_half_year_until_it_is_opened(desk: Desk, clock: TestClock) -> None:
    a_grant(desk)
    note(desk)
    assert (told(desk, "campaign.owed"), piles(desk)) == ([], set()), "the grant is new"
    clock.forward(days=32)
    assert note(desk)
    note(desk)
    assert not note(desk), "an idle installation is not written to"
    assert told(desk, "campaign.owed") == WATCHES
    assert piles(desk) == {*WATCHES}
    open_campaign(desk)
    assert piles(desk) == set()
    clock.now = datetime(2026, 7, 31, 15, tzinfo=UTC)  # the last hour of July in China
    note(desk)
    assert piles(desk) == set()
    clock.forward(hours=1)
    note(desk)
    assert piles(desk) == {*WATCHES}
    assert told(desk, "campaign.owed") == sorted(2 * WATCHES)


def test_nothing_is_owed_where_no_grant_is(desk: Desk, clock: TestClock) -> None:
    clock.forward(days=60)
    note(desk)
    assert (told(desk, "campaign.owed"), piles(desk)) == ([], set())


def test_the_days_of_a_half_year_agree() -> None:
    for number in range(800):
        day = date(2027, 1, 1) + timedelta(days=number)
        first, last = rules.first_day(day), rules.last_day(day)
        assert first <= day <= last
        assert rules.half_year(first) == rules.half_year(last) == rules.half_year(day)
        assert rules.half_year(last + timedelta(days=1)) != rules.half_year(day)
        assert rules.is_month_gone(day) is ((day.year, day.month) != (first.year, first.month))
