"""How a holder stands, whose keys may be ended, and how far the system sees."""

from __future__ import annotations

import pytest

from api.house import House
from auth.actor import SYSTEM
from auth.grants import keys
from auth.grants.keys import GrantKeyCreate
from auth.grants.standing import licence
from auth.identity import sessions
from auth.scope import sight
from core.errors import NotFound
from core.ids import OrgId
from tests.desk import a_desk, a_grant
from tests.people import a_person, actor_of, an_org


def test_public_bodies_need_no_licence_and_one_without_a_last_day_is_none(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        an_org(work, "traffic", "source_department", licence="DISQUALIFIED", valid_to=None)
        an_org(work, "endless", valid_to=None)
        an_org(work, "barred", licence="DISQUALIFIED", valid_to=None)
        body, endless, barred = (licence(work, OrgId(each)) for each in ("traffic", "endless", "barred"))
        with pytest.raises(NotFound):
            licence(work, OrgId("nobody"))
    assert (body.state, body.valid_to is not None and body.valid_to.year) == ("QUALIFIED", 9999)
    assert (endless.state, endless.valid_to) == ("LAPSED", None)
    assert (barred.state, barred.valid_to) == ("DISQUALIFIED", None)


def test_a_key_of_another_grant_is_not_ended_by_way_of_ones_own(sqlite_house: House) -> None:
    desk = a_desk(sqlite_house)
    first, second = a_grant(desk), a_grant(desk, scenario_id="weather")
    with desk.write("analyst") as (work, actor):
        made = keys.create(work, actor, second.id, GrantKeyCreate(name="nightly"))
    for who in ("analyst", "officer", "watch"):
        with pytest.raises(NotFound), desk.write(who) as (work, actor):
            keys.revoke(work, actor, first.id, made.id)
    with desk.write("officer") as (work, actor):
        assert keys.revoke(work, actor, second.id, made.id).revoked_at is not None


def test_the_system_sees_everything_whatever_is_asked() -> None:
    assert sight(SYSTEM, "no:such:permission").everything


def test_a_session_is_ended_by_its_own_person_once(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        an_org(work, "insurer")
        for name in ("wang", "li"):
            a_person(work, name, "insurer", ["applicant"])
        opened = sessions.open_session(work, actor_of(work, "wang"), ip="", agent="")
    for name, session_id in (("li", opened.session_id), ("wang", "unknown")):
        with pytest.raises(NotFound), sqlite_house.write() as work:
            sessions.end(work, actor_of(work, name), session_id)
    with sqlite_house.read() as work:
        settings = sqlite_house.settings
        assert [each.id for each in sessions.own(work, actor_of(work, "wang"), settings)] == [
            opened.session_id
        ]
        sessions.touch(
            work, opened.session_id
        )  # in the instant of its last use, and one that is not there: nothing to note
        sessions.touch(work, "unknown")
        assert not work.db.dirty
    for _ in range(2):
        with sqlite_house.write() as work:
            sessions.end(work, actor_of(work, "wang"), opened.session_id)
    with sqlite_house.read() as work:
        assert sessions.find(work, opened.token, settings) is None
        assert sessions.own(work, actor_of(work, "wang"), settings) == []
