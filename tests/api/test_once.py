"""Idempotency-Key: one effect however often a command is sent, and the same answer each time."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlmodel import func, select

from api.house import House
from api.once import _again, holds_secret
from auth.applications.tables import ApplicationRow
from core import once
from tests.api.test_applications import ASK, PEOPLE
from tests.catalog.records import COMPLETE
from tests.conftest import TestClock
from tests.datasets.parking import a_parking_dataset
from tests.people import a_person, an_org, app_of, client_as

GRANTABLE = {"open_type": "C", "open_condition": "须授权", "auth_op_scope": "yes", "data_level": 2}
KEY = {"Idempotency-Key": "k-1"}


def _ready(house: House) -> House:
    with house.write() as work:
        a_parking_dataset(work, **(COMPLETE | GRANTABLE))
        for org in ("insurer", "mapper"):
            an_org(work, org)
        for username, org, roles in PEOPLE:
            a_person(work, username, org, roles)
    return house


def _count(house: House) -> int:
    with house.read() as work:
        return work.db.exec(select(func.count()).select_from(ApplicationRow)).one()


def _create(house: House, who: str = "applicant", body: Any = ASK, **headers: str) -> Any:
    return client_as(house, who).post("/api/v1/applications", json=body, headers=KEY | headers)


def test_same_key_and_body_are_carried_out_once_and_answered_alike(sqlite_house: House) -> None:
    house = _ready(sqlite_house)
    first, second = _create(house), _create(house)
    assert (first.status_code, second.status_code, _count(house)) == (201, 201, 1)
    assert first.json() == second.json()
    for header in ("etag", "location"):
        assert first.headers[header] == second.headers[header]
    assert second.headers["idempotency-replayed"] == "true"
    other = _create(house, body=ASK | {"scenario_id": "heritage"})
    assert (other.status_code, other.json()["reasons"][0]["code"]) == (422, "idempotency-key-reused")
    assert _create(house, "applicant2").json()["id"] != first.json()["id"]  # keys belong to their account


def test_a_refused_command_frees_its_key_and_a_lost_one_does_not(
    sqlite_house: House, clock: TestClock
) -> None:
    house = _ready(sqlite_house)
    assert _create(house, body={"lines": [{"dataset_id": "no-such"}]}).status_code == 404
    assert _create(house).status_code == 201
    with house.write() as work:
        lost = once.begin(work, "somebody", "k-2", "0" * 64)
    assert lost is None
    with pytest.raises(Exception, match="under way"), house.write() as work:
        once.begin(work, "somebody", "k-2", "0" * 64)
    clock.forward(hours=25)
    with house.write() as work:
        assert once.begin(work, "somebody", "k-2", "0" * 64) is None


def test_keys_are_not_taken_for_answers_with_secrets_nor_when_malformed(sqlite_house: House) -> None:
    client = client_as(_ready(sqlite_house), "applicant")
    assert client.post("/api/v1/me/keys", json={}, headers=KEY).status_code == 422
    assert (
        client.post("/api/v1/applications", json=ASK, headers={"Idempotency-Key": "a b"}).status_code == 422
    )
    visitor = client_as(sqlite_house)
    assert visitor.post("/api/v1/applications", json=ASK, headers=KEY).status_code == 401


def test_many_at_once_under_one_key_make_one(house: House) -> None:
    _ready(house)
    with ThreadPoolExecutor(4) as pool:
        said = [answer.status_code for answer in pool.map(lambda _: _create(house), range(4))]
    assert set(said) <= {201, 409}
    assert (said.count(201) >= 1, _count(house)) == (True, 1)


SECRETS = {"access_token", "refresh_token", "token", "secret", "codes", "password", "key"}
NAMED_KEY = re.compile(
    r"/api/v1/(applications/\{[^}]+\}/papers/|profile/versions|self-checks).*"
)  # the name of a paper, a profile, a point


def test_no_answer_with_a_secret_is_kept(sqlite_house: House) -> None:
    """Every command of the service whose answer has a member that may be stored nowhere."""
    document = app_of(sqlite_house).openapi()
    held = {
        path for path, operations in document["paths"].items() if path.startswith("/api/v1/") and "post" in operations
        and SECRETS & _members(document, operations["post"]["responses"]) and not NAMED_KEY.fullmatch(path)
    }  # fmt: skip
    assert {"/api/v1/grants/{grant_id}/keys", "/api/v1/webhooks", "/api/v1/auth/token"} <= held
    assert [path for path in sorted(held) if not holds_secret(re.sub(r"\{[^}]+\}", "x", path))] == []


def _members(document: Any, part: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """The names of all members below a part of the document."""
    if isinstance(part, list):
        return {name for each in part for name in _members(document, each, seen)}
    if not isinstance(part, dict):
        return set()
    if (found := part.get("$ref", "")) and found not in seen:
        kind = found.rsplit("/", 1)[-1]
        return _members(document, document["components"]["schemas"][kind], seen | {found})
    own = set(part.get("properties", {}))
    return own | {name for each in part.values() for name in _members(document, each, seen)}


def test_the_body_that_is_read_again_does_not_say_that_its_reader_left() -> None:
    """An answer that listens for that would end before its first byte."""
    said = iter([{"type": "http.disconnect"}])

    async def server() -> Any:
        return next(said)

    async def play() -> list[str]:
        again = _again(b"body", server)
        return [(await again())["type"], (await again())["type"]]

    assert asyncio.run(play()) == ["http.request", "http.disconnect"]
    assert next(said, None) is None, "it is the server who says so"
