"""Work that goes on after its request asks whether the proof it began with still counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from api.house import House
from auth.actor import Actor
from auth.identity import api_keys, refresh, sessions
from auth.identity.principals import again, principal
from auth.identity.tables import AccountRow, ApiKeyRow, SessionRow
from tests.conftest import TestClock
from tests.people import a_person, actor_of, an_org


@pytest.fixture
def wang(house: House) -> Actor:
    with house.write() as work:
        an_org(work, "insurer")
        a_person(work, "wang", "insurer", ["analyst"])
    with house.read() as work:
        return actor_of(work, "wang")


def _by_session(house: House, wang: Actor) -> Actor:
    with house.write() as work:
        token = sessions.open_session(work, wang, ip="", agent="").token
    with house.read() as work:
        found = sessions.find(work, token, house.settings)
    assert found is not None
    return found.principal.actor


def test_a_session_that_was_ended_no_longer_counts(house: House, wang: Actor) -> None:
    actor = _by_session(house, wang)
    with house.read() as work:
        assert again(work, actor) is not None
    with house.write() as work:
        row = work.db.get_one(SessionRow, actor.session_id)
        row.ended_at = work.now
    with house.read() as work:
        assert again(work, actor) is None


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_key_that_is_over_no_longer_counts(house: House, wang: Actor, clock: TestClock, how: str) -> None:
    with house.write() as work:
        key = api_keys.create(work, wang, api_keys.ApiKeyCreate(name="k", days=1)).key
    with house.read() as work:
        known = api_keys.identify(work, key)
        assert known is not None
        actor = known.principal.actor
        assert again(work, actor) is not None
    if how == "expired":
        clock.forward(days=2)
    else:
        with house.write() as work:
            work.db.get_one(ApiKeyRow, known.key_id).revoked_at = work.now - timedelta(seconds=1)
    with house.read() as work:
        assert again(work, actor) is None


@pytest.mark.parametrize("how", ["signed out everywhere", "family revoked", "not ended"])
def test_what_began_by_a_token_ends_with_it(house: House, wang: Actor, how: str) -> None:
    with house.write() as work:
        family, token = refresh.start(work, wang, house.settings)
    with house.read() as work:
        epoch = work.db.get_one(AccountRow, wang.account_id).epoch
        found = principal(work, wang.account_id, "token", epoch=epoch, session_id=family)
        assert found is not None
        assert again(work, found.actor) is not None
    with house.write() as work:
        if how == "signed out everywhere":
            sessions.end_all(work, wang, wang.account_id)
        elif how == "family revoked":
            refresh.revoke(work, token)
    with house.read() as work:
        assert (again(work, found.actor) is None) == (how != "not ended")


def test_who_goes_on_is_where_he_was(house: House, wang: Actor) -> None:
    """A grant that is bound to networks asks again where the bytes go."""
    actor = replace(_by_session(house, wang), origin="203.0.113.0", address="203.0.113.9")
    with house.read() as work:
        now = again(work, actor)
    assert now is not None
    assert (now.actor.origin, now.actor.address) == ("203.0.113.0", "203.0.113.9")
