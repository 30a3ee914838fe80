"""The start page: the catalogue for everybody, and for each person exactly the work that waits for him."""

from __future__ import annotations

from datetime import timedelta

import pytest

from api.agenda import Pile, agenda
from api.holdings import Holdings, holdings
from api.house import House
from auth.applications.workflow import State
from datasets.batches import service as batches
from datasets.batches.tables import BatchRow
from tests.catalog.records import a_dataset
from tests.conftest import TestClock
from tests.datasets.parking import CLEAN, COLUMNS, DATASET, save_suite
from tests.desk import Desk, a_desk, a_grant, an_application
from tests.people import actor_of, browser_as, client_as


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _piles(desk: Desk, username: str) -> dict[str, Pile]:
    with desk.house.read() as work:
        return {pile.label.en: pile for pile in agenda(work, actor_of(work, username))}


APPLICATIONS = "Applications that wait for me"


@pytest.mark.parametrize(
    ("at", "who"),
    [
        (State.SUBMITTED, {"screener", "screener2"}), (State.IN_REVIEW, {"screener", "screener2"}),
        (State.DECIDING, {"approver", "approver2"}), (State.OFFERED, {"officer"}), (State.AGREED, set()),
    ],
)  # fmt: skip
def test_application_waits_for_whose_turn_it_is_and_for_nobody_else(
    desk: Desk, at: State, who: set[str]
) -> None:
    an_application(desk, at=at)
    everybody = (
        "applicant", "officer", "analyst", "applicant2", "officer2", "screener", "screener2", "roads_screener",
        "security", "approver", "approver2", "watch", "auditor", "steward_a",
    )  # fmt: skip
    assert {name for name in everybody if APPLICATIONS in _piles(desk, name)} == who


def test_pending_grant_waits_for_the_departments_stewards(desk: Desk) -> None:
    a_grant(desk, at="PENDING")
    pile = _piles(desk, "steward_a")["Grants to activate"]
    assert (pile.total, len(pile.items)) == (1, 1)
    assert "Grants to activate" not in _piles(desk, "watch")


def test_grant_is_announced_sixty_days_before_its_end(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    label = "Grants that end within 60 days"
    clock.now = grant.ends_at
    clock.forward(days=-60, seconds=-1)
    assert label not in _piles(desk, "officer")
    clock.forward(seconds=1)
    assert _piles(desk, "officer")[label].total == 1
    assert label not in _piles(desk, "officer2")
    clock.now = grant.ends_at
    assert label not in _piles(desk, "officer")


@pytest.mark.parametrize(
    ("state", "label"),
    [
        ("needs_confirmation", "Batches to confirm"), ("passed", "Batches to publish"), ("confirmed", "Batches to publish"),
        ("failed", "Batches to correct"), ("needs_look", "Batches whose reading needs a look"),
    ],
)  # fmt: skip
def test_batch_waits_for_the_stewards_of_its_department(desk: Desk, state: str, label: str) -> None:
    with desk.house.write() as work:
        a_dataset(work, DATASET, "parks", columns=COLUMNS, title_zh="停车场泊位")
        save_suite(work)
        stored = desk.house.files.put([CLEAN])
        made = batches.receive(work, actor_of(work, "steward_a"), DATASET, "lots.csv", stored)
        work.db.get_one(BatchRow, made.id).state = state
    pile = _piles(desk, "steward_b")[label]
    assert pile.items[0].href == f"/batches/{made.id}"
    assert pile.items[0].title.zh == "停车场泊位 第 1 批"
    assert label not in _piles(desk, "auditor")


def test_start_page_opens_for_everybody_in_both_languages(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    a_grant(desk, at="PENDING")
    assert "我的工作" not in client_as(sqlite_house).get("/").text
    for lang, words in (("zh", "待激活的授权"), ("en", "Grants to activate")):
        answer = browser_as(sqlite_house, "steward_a", lang).get("/")
        assert answer.status_code == 200
        assert words in answer.text
    assert "没有等您办理的事项" in browser_as(sqlite_house, "auditor").get("/").text


def _held(desk: Desk, username: str) -> Holdings | None:
    with desk.house.read() as work:
        return holdings(work, actor_of(work, username))


def test_people_of_an_enterprise_see_what_it_holds_with_the_ways_that_are_theirs(
    desk: Desk, clock: TestClock
) -> None:
    grant = a_grant(desk)
    an_application(desk, at=State.SUBMITTED, scenario_id="weather")
    analyst, applicant = _held(desk, "analyst"), _held(desk, "applicant")
    assert analyst
    assert applicant
    assert (
        [each.grant.id for each in analyst.grants]
        == [grant.id]
        == [each.grant.id for each in applicant.grants]
    )
    assert [(way.label.en, way.href) for way in analyst.grants[0].ways] == [
        ("Extract", f"/extracts/new?grant={grant.id}")
    ]
    assert applicant.grants[0].ways == []  # who applies takes nothing out
    assert [each.state for each in applicant.applications] == [State.SUBMITTED]  # not the one that was agreed
    clock.now = grant.ends_at - timedelta(hours=1)
    last = _held(desk, "analyst")
    assert last
    assert last.grants[0].days == 0
    clock.now = grant.ends_at
    over = _held(desk, "analyst")
    assert over
    assert [each.ways for each in over.grants] == [
        []
    ]  # in the list until the worker has ended it, and not to be used


def test_others_see_nothing_of_it(desk: Desk) -> None:
    a_grant(desk)
    other = _held(desk, "applicant2")
    assert other
    assert (other.grants, other.applications) == ([], [])
    assert _held(desk, "approver") is None


def test_the_start_page_of_an_enterprise_leads_to_what_it_may_do(desk: Desk) -> None:
    grant = a_grant(desk)
    said = client_as(desk.house, "analyst").get("/", headers={"accept": "text/html"}).text
    assert f"/extracts/new?grant={grant.id}" in said
    assert "我的授权" in said
    assert "我的授权" not in client_as(desk.house, "approver").get("/", headers={"accept": "text/html"}).text
