"""API keys: shown once, limited in rights and time, and dead the moment they are revoked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import select

from api.house import House
from auth.audit import AuditEventRow
from auth.identity import accounts, api_keys
from auth.identity.api_keys import ApiKeyCreate, ApiKeyMade
from auth.identity.tables import AccountRow, ApiKeyRow
from core.errors import InputRefused, NotFound
from core.ids import GrantId
from tests.conftest import TestClock
from tests.people import a_person, actor_of, an_org, client_as


@pytest.fixture
def peopled(house: House) -> House:
    with house.write() as work:
        an_org(work, "insurer")
        a_person(work, "wang", "insurer", ["applicant", "analyst"])
        a_person(work, "li", "insurer", ["applicant"])
        a_person(work, "admin", roles=["sysadmin"])
    return house


def _key(house: House, who: str = "wang", scopes: list[str] | None = None, days: int = 90) -> ApiKeyMade:
    with house.write() as work:
        return api_keys.create(
            work, actor_of(work, who), ApiKeyCreate(name="nightly", scopes=scopes or [], days=days)
        )


def _status(house: House, key: str, path: str = "/api/v1/me") -> int:
    return client_as(house).get(path, headers={"authorization": f"Bearer {key}"}).status_code


def test_key_acts_as_its_owner_and_is_stored_as_a_hash(peopled: House) -> None:
    made = _key(peopled)
    answer = client_as(peopled).get("/api/v1/me", headers={"authorization": f"Bearer {made.key}"}).json()
    assert (answer["username"], answer["via"]) == ("wang", "api_key")
    with peopled.read() as work:
        row = work.db.get_one(ApiKeyRow, made.id)
        assert made.key.split("_", 2)[2] not in str(row.model_dump())
        assert row.last_used_at is not None


def test_scopes_narrow_and_never_widen(peopled: House) -> None:
    narrow = _key(peopled, scopes=["auth:application:read", "auth:user:admin"])
    with peopled.read() as work:
        known = api_keys.identify(work, narrow.key)
    assert known is not None
    actor = known.principal.actor
    assert actor.may("auth:application:read")
    assert not actor.may("auth:application:write")
    assert not actor.may("auth:user:admin")
    assert not actor.may_in("datasets:extract:request", "insurer")


def test_key_ends_on_its_day_and_on_revocation(peopled: House, clock: TestClock) -> None:
    short, long = _key(peopled, days=1), _key(peopled)
    clock.forward(hours=23, minutes=59)
    assert _status(peopled, short.key) == 200
    clock.forward(minutes=1)
    assert _status(peopled, short.key) == 401
    with peopled.write() as work:
        api_keys.revoke(work, actor_of(work, "wang"), long.id)
    assert _status(peopled, long.key) == 401


def test_disabled_owner_means_dead_key(peopled: House) -> None:
    made = _key(peopled)
    with peopled.write() as work:
        accounts.set_disabled(work, actor_of(work, "admin"), "wang", True)
    assert _status(peopled, made.key) == 401


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: key[:-1],
        lambda key: key[:-1] + "!",
        lambda key: key.upper(),
        lambda key: "pda_",
        lambda key: key + "A",
    ],
)
def test_spoilt_keys_are_refused(sqlite_house: House, spoil: object) -> None:
    with sqlite_house.write() as work:
        a_person(work, "wang", roles=["catalog_admin"])
    key = _key(sqlite_house).key
    assert _status(sqlite_house, spoil(key)) == 401  # type: ignore[operator]


def test_longest_life_is_180_days_and_scopes_must_exist(peopled: House) -> None:
    with pytest.raises(ValueError, match="180"):
        ApiKeyCreate.model_validate({"name": "x", "days": 181})
    with pytest.raises(InputRefused), peopled.write() as work:
        api_keys.create(work, actor_of(work, "wang"), ApiKeyCreate(name="x", scopes=["no:such:thing"]))


def test_key_makes_no_keys_and_ends_no_sessions(peopled: House) -> None:
    headers = {"authorization": f"Bearer {_key(peopled).key}"}
    client = client_as(peopled)
    assert client.post("/api/v1/me/api-keys", json={"name": "more"}, headers=headers).status_code == 403
    assert client.post("/api/v1/me/sign-out-everywhere", headers=headers).status_code == 403
    change = {"current": "x", "new": "mountain-river-99"}
    assert client.post("/api/v1/me/password", json=change, headers=headers).status_code == 403


def test_others_do_not_see_or_revoke_it_but_the_administrator_does(peopled: House) -> None:
    made = _key(peopled)
    with peopled.read() as work:
        assert api_keys.own(work, actor_of(work, "li")) == []
    with pytest.raises(NotFound), peopled.write() as work:
        api_keys.revoke(work, actor_of(work, "li"), made.id)
    with peopled.write() as work:
        assert api_keys.revoke(work, actor_of(work, "admin"), made.id).revoked_at is not None


def test_made_by_whom_is_on_record(peopled: House) -> None:
    from sqlmodel import select

    from auth.audit import AuditEventRow

    made = _key(peopled)
    with peopled.read() as work:
        event = work.db.exec(select(AuditEventRow).where(AuditEventRow.kind == "api_key.created")).one()
        wang = actor_of(work, "wang").account_id
    assert (event.subject, event.actor_account) == (made.id, wang)
    assert made.key not in event.payload


def test_a_key_of_a_closed_account_that_comes_from_elsewhere_names_nobody(peopled: House) -> None:
    """There is nobody left whose deed it could be; the key's own row notes it."""
    made = _key(peopled)
    with peopled.write() as work:
        work.db.get_one(AccountRow, work.db.get_one(ApiKeyRow, made.id).account_id).disabled = True
    with peopled.write() as work:
        api_keys.note_elsewhere(work, made.id, "203.0.113.0/24")
        api_keys.note_elsewhere(work, "unknown", "203.0.113.0/24")
        api_keys.touch(work, "unknown")
    with peopled.read() as work:
        assert work.db.get_one(ApiKeyRow, made.id).refused_at == work.now
        kinds = work.db.exec(select(AuditEventRow.kind)).all()
    assert "api_key.refused_elsewhere" not in kinds


def test_revoking_a_key_again_changes_nothing_and_is_no_second_event(
    peopled: House, clock: TestClock
) -> None:
    made = _key(peopled)
    ended = []
    for _ in range(2):
        with peopled.write() as work:
            ended.append(api_keys.revoke(work, actor_of(work, "wang"), made.id).revoked_at)
        clock.forward(minutes=1)
    assert ended[0] == ended[1]
    with peopled.read() as work:
        kinds = work.db.exec(select(AuditEventRow.kind)).all()
    assert list(kinds).count("api_key.revoked") == 1


def test_the_owner_sees_all_keys_and_a_key_of_one_grant_itself_alone(
    peopled: House, clock: TestClock
) -> None:
    first = _key(peopled)
    clock.forward(minutes=1)
    second = _key(peopled)
    _key(peopled, "li")
    with peopled.read() as work:
        wang = actor_of(work, "wang")
        assert [each.id for each in api_keys.own(work, wang)] == [second.id, first.id]
        bound = replace(wang, via="api_key", session_id=first.id, grant=GrantId("g"))
        assert [each.id for each in api_keys.own(work, bound)] == [first.id]


def test_a_key_of_one_grant_ends_itself_and_no_other(peopled: House) -> None:
    """Not even another one of its owner's; and what is no key ends none by bearing its name."""
    mine, other, strange = _key(peopled), _key(peopled), _key(peopled, "li")
    with peopled.read() as work:
        wang = actor_of(work, "wang")
    bound = replace(wang, via="api_key", session_id=mine.id, grant=GrantId("g"))
    for actor, key in ((bound, other), (bound, strange), (replace(bound, via="session"), mine)):
        with pytest.raises(NotFound), peopled.write() as work:
            api_keys.revoke(work, actor, key.id)
    with peopled.write() as work:
        assert api_keys.revoke(work, bound, mine.id).revoked_at is not None


def test_what_happens_to_a_key_of_a_grant_is_on_record_with_that_grant(peopled: House) -> None:
    """Whoever looks at the grant finds its keys; a key of no grant stands with none."""
    for grant_id, wanted in (("g1", "g1"), ("", None)):
        with peopled.write() as work:
            ask, wang = ApiKeyCreate(name="nightly"), actor_of(work, "wang")
            made = api_keys.create(work, wang, ask, api_keys.Bond(grant_id=grant_id))
            api_keys.note_elsewhere(work, made.id, "203.0.113.0/24")
            api_keys.revoke(work, wang, made.id)
        with peopled.read() as work:
            events = work.db.exec(select(AuditEventRow).where(AuditEventRow.subject == made.id)).all()
            told = {event.kind: event.grant_id for event in events}
        assert told == dict.fromkeys(
            ("api_key.created", "api_key.refused_elsewhere", "api_key.revoked"), wanted
        )


def test_a_key_that_comes_from_elsewhere_is_noted_once_a_minute(peopled: House, clock: TestClock) -> None:
    made = _key(peopled)
    for forward in (0, 59, 1):
        clock.forward(seconds=forward)
        with peopled.write() as work:
            api_keys.note_elsewhere(work, made.id, "203.0.113.0/24")
    with peopled.read() as work:
        kinds = work.db.exec(select(AuditEventRow.kind)).all()
    assert list(kinds).count("api_key.refused_elsewhere") == 2


def test_the_last_use_of_a_key_is_noted_once_a_minute(peopled: House, clock: TestClock) -> None:
    made = _key(peopled)
    due = []
    for forward in (0, 59, 1):
        clock.forward(seconds=forward)
        with peopled.write() as work:
            known = api_keys.identify(work, made.key)
            assert known is not None
            due.append(known.is_touch_due)
            if known.is_touch_due:
                api_keys.touch(work, made.id)
    assert due == [True, False, True]
