"""Which confirmed version is in force: the one that began last; a version confirmed for a later day is neither lost nor shown as in force."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from api import cli
from api.house import House
from auth.casework.book import CaseStep
from auth.profile import service
from auth.profile.model import Profile, shipped
from auth.profile.now import profile, profiles_by_moment
from auth.profile.service import ProfileProposal, ProfileRead
from auth.profile.standing import Span, Standing, in_force, replaces, standing, words
from auth.profile.workflow import STATE_NAMES, State, Step
from core.text import Text
from tests.conftest import TestClock
from tests.desk import Desk, a_desk
from tests.people import browser_as, client_as

GENERIC = shipped()["generic-open-data"]
TODAY, MAY = date(2026, 3, 2), date(2026, 5, 1)


def _at(day: int, hour: int = 0) -> datetime:
    """An hour of a day of March 2026, local time of the tests' place (UTC+8)."""
    return datetime(2026, 3, day, hour, tzinfo=UTC) - timedelta(hours=8)


@pytest.mark.parametrize(
    ("confirmed", "moment", "expected"),
    [
        ([], _at(9), None),
        ([(5, _at(2, 9))], _at(4, 23), None),
        ([(5, _at(2, 9))], _at(5), 0),
        ([(2, _at(2, 9))], _at(2, 8), None),  # not before it was confirmed
        ([(2, _at(2, 9)), (5, _at(1, 9))], _at(4), 0),
        ([(2, _at(2, 9)), (5, _at(1, 9))], _at(5), 1),  # a later day, though confirmed earlier
        ([(5, _at(2, 10)), (2, _at(2, 9))], _at(9), 0),  # and though proposed earlier
        ([(5, _at(2, 9)), (5, _at(3, 9))], _at(5), 1),  # one day: the one confirmed last
        ([(5, _at(3, 9)), (5, _at(2, 9))], _at(5), 0),
        ([(5, _at(3, 9)), (5, _at(3, 9))], _at(5), 1),  # and at one instant: the last given
        ([(5, _at(4, 9)), (1, _at(6, 9))], _at(6, 8), 0),  # an earlier day, confirmed later: counts from then on
        ([(5, _at(4, 9)), (1, _at(6, 9))], _at(6, 9), 1),
    ],
)  # fmt: skip
def test_the_one_that_began_last_is_in_force(
    confirmed: list[tuple[int, datetime]], moment: datetime, expected: int | None
) -> None:
    known = [Span.of(date(2026, 3, day), at, None, str(place)) for place, (day, at) in enumerate(confirmed)]
    found = in_force(known, moment)
    assert (None if found is None else int(found.what)) == expected


@pytest.mark.parametrize(
    ("day", "other", "expected"),
    [(2, 1, True), (2, 2, True), (1, 2, True), (2, 3, False), (5, 1, False), (5, 4, False), (5, 5, True), (5, 6, False)],
)  # fmt: skip
def test_what_a_version_confirmed_on_the_second_replaces(day: int, other: int, *, expected: bool) -> None:
    assert replaces(date(2026, 3, day), date(2026, 3, other), TODAY) is expected


@pytest.mark.parametrize(
    ("state", "day", "counts", "expected"),
    [
        (State.PROPOSED, 2, False, Standing.PROPOSED), (State.REJECTED, 2, False, Standing.REJECTED), (State.SUPERSEDED, 9, False, Standing.SUPERSEDED),
        (State.ACTIVE, 3, False, Standing.COMING), (State.ACTIVE, 2, True, Standing.IN_FORCE), (State.ACTIVE, 1, False, Standing.SUPERSEDED),
    ],
)  # fmt: skip
def test_how_a_version_stands(state: State, day: int, expected: Standing, *, counts: bool) -> None:
    assert standing(state, date(2026, 3, day), TODAY, counts=counts) is expected


@pytest.fixture
def desk(house: House) -> Desk:
    return a_desk(house)


def _proposed(desk: Desk, name: str, day: date) -> ProfileRead:
    said = Profile.model_validate(GENERIC.model_dump() | {"en": name, "effective_from": day})
    with desk.write("watch") as (work, actor):
        return service.propose(work, actor, ProfileProposal(profile=said, reason="按上级文件执行"))


def _confirmed(desk: Desk, made: ProfileRead) -> ProfileRead:
    with desk.write("approver") as (work, actor):
        return service.step(work, actor, made.id, Step.CONFIRM, CaseStep())


def _now(desk: Desk) -> str:
    with desk.house.read() as work:
        return profile(work).en


def _standings(desk: Desk) -> dict[int, str]:
    found = client_as(desk.house, "auditor").get("/api/v1/profile/versions").json()["items"]
    return {each["number"]: each["standing"] for each in found}


def test_a_version_confirmed_for_a_later_day_outlives_a_change_of_today(desk: Desk, clock: TestClock) -> None:
    began, said = clock.now, {}
    _confirmed(desk, _proposed(desk, "one", TODAY))
    coming = _confirmed(desk, _proposed(desk, "two", MAY))
    assert coming.standing is Standing.COMING
    assert coming.followed_by is None, "nothing follows itself"
    clock.forward(hours=1)
    third = _confirmed(desk, _proposed(desk, "three", TODAY))
    assert third.followed_by is not None
    assert (third.standing, third.followed_by.number) == (Standing.IN_FORCE, 2)
    assert _standings(desk) == {1: "SUPERSEDED", 2: "COMING", 3: "IN_FORCE"}
    listed = browser_as(desk.house, "approver").get("/profile").text
    assert "已确认，自 2026-05-01 起" in listed
    shown = browser_as(desk.house, "approver").get(f"/profile/{third.id}").text
    assert "第 2 版已确认，自 2026-05-01 起取代本版" in shown
    for moment in (clock.now, clock.now + timedelta(days=90)):
        clock.now = moment
        said[moment] = _now(desk)
    assert list(said.values()) == ["three", "two"]
    assert _standings(desk) == {1: "SUPERSEDED", 2: "IN_FORCE", 3: "SUPERSEDED"}
    with desk.house.read() as work:
        history = profiles_by_moment(work)
        assert {moment: history(moment).en for moment in said} == said
        assert history(began).en == "one"
    last = _confirmed(desk, _proposed(desk, "four", TODAY))  # its day is past: it counts from now on
    assert (last.standing, _now(desk)) == (Standing.IN_FORCE, "four")
    with desk.house.read() as work:
        history = profiles_by_moment(work)
        assert history(clock.now).en == "four"
        assert {moment: history(moment).en for moment in list(said)[:1]} == {
            began + timedelta(hours=1): "three"
        }
        assert history(clock.now - timedelta(seconds=1)).en == "two"


def test_a_version_proposed_earlier_for_a_later_day_comes_into_force(desk: Desk, clock: TestClock) -> None:
    early = _proposed(desk, "early", MAY)
    _confirmed(desk, _proposed(desk, "today", TODAY))
    clock.forward(days=1)
    _confirmed(desk, early)
    assert (_now(desk), _standings(desk)) == ("today", {1: "COMING", 2: "IN_FORCE"})
    clock.forward(days=90)
    assert (_now(desk), _standings(desk)) == ("early", {1: "IN_FORCE", 2: "SUPERSEDED"})
    with desk.house.read() as work:
        assert profiles_by_moment(work)(clock.now).en == "early"


def test_of_two_confirmed_for_one_later_day_the_one_confirmed_last_stays(desk: Desk) -> None:
    first, second = _proposed(desk, "first", MAY), _proposed(desk, "second", MAY)
    _confirmed(desk, second)
    _confirmed(desk, first)
    assert _standings(desk) == {1: "COMING", 2: "SUPERSEDED"}


def test_the_state_of_what_is_confirmed_does_not_say_that_it_counts_already() -> None:
    assert STATE_NAMES[State.ACTIVE] == Text("已确认", "Confirmed")
    assert words(Standing.IN_FORCE, TODAY) == Text("现行", "In force")
    assert words(Standing.COMING, TODAY).en.startswith("Confirmed, from")


@pytest.mark.slow
def test_the_command_tells_what_is_confirmed_apart_from_what_is_in_force(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command goes by the clock on the wall."""
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    desk = a_desk(sqlite_house)
    _confirmed(desk, _proposed(desk, "later", date(2099, 5, 1)))
    third = _proposed(desk, "now", TODAY)
    where = ["--data-dir", str(desk.house.settings.data_dir), "--as", "approver"]
    runner, program = CliRunner(), cli._assemble()
    told = runner.invoke(program, ["profile", "confirm", third.id, *where])
    assert told.exit_code == 0, told.output
    assert "In force" in told.output
    assert "Version 1, confirmed for 2099-05-01, follows and will replace this one." in told.output
    listed = runner.invoke(program, ["profile", "versions", *where]).output
    assert "In force" in listed
    assert "Confirmed, from 2099-05-01" in listed
