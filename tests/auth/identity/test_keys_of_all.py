"""The keys of all accounts: who may see and end them, by route, page and command. On both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api.house import House
from auth.identity import api_keys
from auth.identity.api_keys import ApiKeyCreate
from tests.desk import Desk, a_desk
from tests.people import a_person, browser_as, client_as

PATH = "/api/v1/api-keys"


@pytest.fixture
def desk(house: House) -> Desk:
    made = a_desk(house)
    with house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    return made


def _key(desk: Desk, who: str, name: str, **ask: Any) -> Any:
    with desk.write(who) as (work, actor):
        return api_keys.create(work, actor, ApiKeyCreate(name=name, **ask))


def _listed(desk: Desk, who: str = "watch", **asked: Any) -> list[tuple[str, str]]:
    found = client_as(desk.house, who).get(PATH, params=asked)
    assert found.status_code == 200, found.text
    return [(each["username"], each["name"]) for each in found.json()["items"]]


def test_they_are_listed_searched_and_paged(desk: Desk) -> None:
    _key(desk, "analyst", "夜间取数", days=2)
    second = _key(desk, "applicant", "Nightly_100%")
    third = _key(desk, "steward_a", "hand-in")
    client_as(desk.house, "steward_a").delete(f"/api/v1/me/api-keys/{third.id}")
    everything = [("steward_a", "hand-in"), ("applicant", "Nightly_100%"), ("analyst", "夜间取数")]
    assert sorted(_listed(desk)) == sorted(everything)
    assert _listed(desk, q="nightly_") == [("applicant", "Nightly_100%")]
    assert _listed(desk, q="%") == [("applicant", "Nightly_100%")]
    assert _listed(desk, q="夜间") == [("analyst", "夜间取数")]
    assert _listed(desk, q=second.id[:9]) == [("applicant", "Nightly_100%")]
    assert sorted(_listed(desk, org="insurer")) == sorted(everything[1:])
    assert _listed(desk, state="ended") == everything[:1]
    assert sorted(_listed(desk, state="live")) == sorted(everything[1:])
    pages = [_listed(desk, limit=1, offset=n) for n in range(4)]
    assert sorted(each for found in pages for each in found) == sorted(everything)
    assert client_as(desk.house, "watch").get(PATH, params={"limit": 1}).json()["next"] == 1
    desk.house.clock.now += timedelta(days=3)  # type: ignore[attr-defined]
    assert sorted(_listed(desk, state="ended")) == [("analyst", "夜间取数"), ("steward_a", "hand-in")]


def test_no_secret_is_among_it(desk: Desk) -> None:
    made = _key(desk, "analyst", "nightly")
    told = client_as(desk.house, "watch").get(PATH).text
    assert made.key.rpartition("_")[2] not in told
    assert "hash" not in told


@pytest.mark.parametrize("who", ["watch", "root"])
def test_a_security_officer_and_an_administrator_end_any(desk: Desk, who: str) -> None:
    made = _key(desk, "analyst", "nightly")
    program = client_as(desk.house)
    program.headers["Authorization"] = f"Bearer {made.key}"
    assert program.get("/api/v1/me").status_code == 200
    page = browser_as(desk.house, who)
    assert f"/admin/api-keys/{made.id}/revoke" in page.get("/admin/api-keys").text
    assert page.submit(f"/admin/api-keys/{made.id}/revoke").status_code == 303
    assert program.get("/api/v1/me").status_code == 401
    assert f"/admin/api-keys/{made.id}/revoke" not in page.get("/admin/api-keys").text


def test_nobody_else_sees_or_ends_them(desk: Desk) -> None:
    made = _key(desk, "analyst", "nightly")
    for who in ("approver", "steward_a", "officer", "applicant"):
        client = client_as(desk.house, who)
        assert client.get(PATH).status_code == 403, who
        assert client.delete(f"/api/v1/me/api-keys/{made.id}").status_code == 404, who
        assert browser_as(desk.house, who).get("/admin/api-keys").status_code == 403, who
    assert _listed(desk, state="live") == [("analyst", "nightly")]


def test_an_auditor_sees_them_and_ends_none(desk: Desk) -> None:
    made = _key(desk, "analyst", "nightly")
    assert _listed(desk, "auditor") == [("analyst", "nightly")]
    page = browser_as(desk.house, "auditor")
    assert "/revoke" not in page.get("/admin/api-keys").text
    assert page.submit(f"/admin/api-keys/{made.id}/revoke").status_code == 403
    assert client_as(desk.house, "auditor").delete(f"/api/v1/me/api-keys/{made.id}").status_code == 404
