"""A browser session ends when it should, and nobody can bring one along."""

from __future__ import annotations

from sqlmodel import select

from api.house import House
from auth.audit import AuditEventRow
from auth.identity import sessions
from tests.conftest import TestClock
from tests.people import a_person, actor_of, an_org


def _signed_in(house: House) -> sessions.Opened:
    with house.write() as work:
        an_org(work, "insurer")
        a_person(work, "wang", "insurer", ["applicant"])
        return sessions.open_session(work, actor_of(work, "wang"), ip="10.0.0.1", agent="a browser")


def _found(house: House, token: str) -> sessions.Found | None:
    with house.read() as work:
        return sessions.find(work, token, house.settings)


def test_cookie_leads_to_person_with_roles(house: House) -> None:
    found = _found(house, _signed_in(house).token)
    assert found is not None
    assert found.principal.actor.username == "wang"
    assert found.principal.actor.may("auth:application:write")
    assert found.principal.org_name is not None


def test_session_unused_for_half_an_hour_is_over(sqlite_house: House, clock: TestClock) -> None:
    token = _signed_in(sqlite_house).token
    clock.forward(minutes=29, seconds=59)
    assert _found(sqlite_house, token) is not None
    clock.forward(seconds=1)
    assert _found(sqlite_house, token) is None


def test_used_session_lasts_twelve_hours_and_no_longer(sqlite_house: House, clock: TestClock) -> None:
    opened = _signed_in(sqlite_house)
    for _ in range(12 * 3 - 1):
        clock.forward(minutes=20)
        found = _found(sqlite_house, opened.token)
        assert found is not None
        assert found.is_touch_due
        with sqlite_house.write() as work:
            sessions.touch(work, opened.session_id)
    clock.forward(minutes=20)
    assert _found(sqlite_house, opened.token) is None


def test_last_use_is_noted_at_most_once_a_minute(sqlite_house: House, clock: TestClock) -> None:
    token = _signed_in(sqlite_house).token
    clock.forward(seconds=59)
    found = _found(sqlite_house, token)
    assert found is not None
    assert not found.is_touch_due


def test_of_a_short_idle_time_use_is_noted_four_times(sqlite_house: House, clock: TestClock) -> None:
    token, short = (
        _signed_in(sqlite_house).token,
        sqlite_house.settings.model_copy(update={"session_idle_minutes": 2}),
    )
    due: list[bool] = []
    for _ in range(2):
        clock.forward(seconds=29 if not due else 1)
        with sqlite_house.read() as work:
            found = sessions.find(work, token, short)
        assert found
        due.append(found.is_touch_due)
    assert due == [False, True]


def test_database_holds_neither_cookie_nor_form_token(sqlite_house: House) -> None:
    token = _signed_in(sqlite_house).token
    found = _found(sqlite_house, token)
    assert found is not None
    with sqlite_house.read() as work:
        dump = "\n".join(work.db.connection().connection.driver_connection.iterdump())  # type: ignore[union-attr]
    assert token not in dump
    assert found.csrf not in dump


def test_a_session_is_on_record_as_started_once_nothing_lacks(sqlite_house: House) -> None:
    opened = _signed_in(sqlite_house)
    with sqlite_house.write() as work:
        half = sessions.open_session(work, actor_of(work, "wang"), ip="", agent="", awaits_factor=True)
    with sqlite_house.read() as work:
        started = select(AuditEventRow.subject).where(AuditEventRow.kind == "session.started")
        assert list(work.db.exec(started)) == [opened.session_id]
    assert half.session_id != opened.session_id


def test_signing_in_again_ends_the_session_that_came_along(sqlite_house: House) -> None:
    old = _signed_in(sqlite_house).token
    with sqlite_house.write() as work:
        new = sessions.open_session(work, actor_of(work, "wang"), ip="", agent="", instead_of=old)
    assert _found(sqlite_house, old) is None
    assert _found(sqlite_house, new.token) is not None


def test_signing_out_everywhere_ends_every_session(sqlite_house: House) -> None:
    first = _signed_in(sqlite_house).token
    with sqlite_house.write() as work:
        second = sessions.open_session(work, actor_of(work, "wang"), ip="", agent="").token
        who = actor_of(work, "wang")
        sessions.end_all(work, who, who.account_id)
    assert _found(sqlite_house, first) is None
    assert _found(sqlite_house, second) is None
