"""Values that fit no database: numbers beyond 64 bits, texts with NUL. Refused or not found, never a fault of ours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from api.house import House
from api.identity import local_token
from auth import audit_personal
from auth.identity.tables import AccountRow
from auth.roles import Role
from tests.people import a_person, an_org, app_of

_HUGE = str(10**30)
_NUL = "a\x00b"
_SQL = "title; DROP TABLE auth_account --"
_INPUTS = ("Body", "Create", "Ask", "Step", "Answer", "Proposal", "Open", "Change", "Give", "-Input")
_SORTS = {"sort", "order", "by"}


@pytest.fixture
def clients(house: House) -> list[TestClient]:
    """One for each side, each with all the roles that may meet."""
    held = {
        "watcher": ("bureau", [Role.AUDITOR]),
        "keeper": ("bureau", [Role.SYSADMIN, Role.STEWARD, Role.CATALOG_ADMIN]),
        "judge": ("bureau", [Role.APPROVER, Role.REVIEWER_BUSINESS, Role.SECURITY_OFFICER, Role.STEWARD]),
        "wang": ("insurer", [Role.APPLICANT, Role.ANALYST, Role.ORG_OFFICER]),
    }
    with house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        an_org(work, "insurer")
        for name, (org, roles) in held.items():
            a_person(work, name, org, roles)
    app = app_of(house)
    return [
        TestClient(
            app,
            headers={"Authorization": f"Bearer {local_token(house, name)}"},
            raise_server_exceptions=False,
        )
        for name in held
    ]


def _addresses(document: dict[str, Any]) -> list[str]:
    """Every GET of the document, once for each parameter that gets a hostile value."""
    found = []
    for path, item in document["paths"].items():
        if "get" not in item:
            continue
        asked = item["get"].get("parameters", [])
        whole = path
        for parameter in asked:
            whole = whole.replace("{" + parameter["name"] + "}", "1")
        for parameter in asked:
            name = parameter["name"]
            for value in (_HUGE, f"-{_HUGE}", _NUL, *([_SQL] if name in _SORTS else ())):
                if parameter["in"] == "path":
                    hostile = path.replace("{" + name + "}", quote(value))
                    for other in asked:
                        hostile = hostile.replace("{" + other["name"] + "}", "1")
                    found.append(hostile)
                elif parameter["in"] == "query":
                    found.append(f"{whole}?{name}={quote(value)}")
    return found


@pytest.mark.slow
def test_no_value_of_an_address_is_a_fault_of_ours(clients: list[TestClient]) -> None:
    """Each fourth address, by the four in turn."""
    addresses = _addresses(clients[0].app.openapi())  # type: ignore[attr-defined]
    assert len(addresses) > 1000
    found = [_faults(addresses[4 * at :: 16], client) for at, client in enumerate(clients)]
    assert found == [[], [], [], []]


@pytest.mark.long
@pytest.mark.timeout(1200)  # every route times every nasty value: minutes on a busy machine
@pytest.mark.parametrize("who", range(4))
def test_no_value_of_an_address_is_a_fault_of_ours_whoever_asks(clients: list[TestClient], who: int) -> None:
    """Each address by each of the four."""
    assert _faults(_addresses(clients[0].app.openapi()), clients[who]) == []  # type: ignore[attr-defined]


def _faults(addresses: Iterable[str], client: TestClient) -> list[str]:
    return [
        address for address in addresses if client.get(address, follow_redirects=False).status_code == 500
    ]


def test_a_body_nested_without_end_is_refused(clients: list[TestClient]) -> None:
    """By every route that takes JSON, before it means anything."""
    deep = b'{"a":' * 60_000 + b"1" + b"}" * 60_000
    document = clients[0].app.openapi()  # type: ignore[attr-defined]
    taken = [
        (method.upper(), re.sub(r"\{\w+\}", "1", path))
        for path, item in document["paths"].items()
        for method in ("post", "put", "patch")
        if "application/json" in item.get(method, {}).get("requestBody", {}).get("content", {})
    ]
    assert len(taken) > 100
    headers = {"content-type": "application/json", "if-match": "*"}
    faults = [
        (method, path, answer.status_code)
        for at, (method, path) in enumerate(taken)
        if (
            answer := clients[at % len(clients)].request(method, path, content=deep, headers=headers)
        ).status_code
        not in (400, 401, 403, 404, 409, 410, 413, 415, 422)
    ]
    assert faults == []
    with clients[0].app.state.house.read() as work:  # type: ignore[attr-defined]
        assert work.db.exec(select(AccountRow)).first(), "no table was dropped"


@pytest.mark.parametrize("half", ["\\ud800", "\\u0000"])
@pytest.mark.parametrize(
    ("method", "path", "at"),
    [
        ("PUT", "/api/v1/me/messages/settings", '{"topics": [{"topic": "%s", "email": false}]}'),
        ("POST", "/api/v1/releases", '{"batch_id": "%s"}'),
        ("POST", "/api/v1/demands", '{"title": "a title", "%s": 1}'),
        ("POST", "/api/3/action/package_show", '{"id": "%s"}'),
    ],
)
def test_text_that_cannot_be_kept_is_refused_with_its_place(
    clients: list[TestClient], half: str, method: str, path: str, at: str
) -> None:
    """NUL, which PostgreSQL does not keep, and half a surrogate pair, which no answer can be written with."""
    answer = clients[1].request(method, path, content=at % half, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    if path.startswith("/api/v1/"):
        assert answer.status_code == 422
        assert answer.json()["faults"][0]["where"].startswith("body")
        assert "NUL" in answer.json()["detail"]


def test_words_that_are_written_down_are_bounded(clients: list[TestClient]) -> None:
    """No reason, note or comment is so long that it could not be recorded with its act."""
    document = clients[0].app.openapi()  # type: ignore[attr-defined]
    said_of = [
        (f"{name}.{field}", each)
        for name, schema in document["components"]["schemas"].items()
        for field, said in schema.get("properties", {}).items()
        if field in audit_personal.WORDS and name.endswith(_INPUTS)
        for each in [said, *said.get("anyOf", [])]
        if each.get("type") == "string" and "enum" not in each
    ]
    assert len(said_of) > 20
    assert [name for name, each in said_of if "maxLength" not in each] == []


def test_an_offset_beyond_what_databases_count_is_told_the_largest(clients: list[TestClient]) -> None:
    """By every list that takes one; nobody is told of NUL. The largest itself is beyond the end of any list."""
    document = clients[0].app.openapi()  # type: ignore[attr-defined]
    lists = [
        (path, next(each for each in item["get"]["parameters"] if each["name"] == "offset"))
        for path, item in document["paths"].items()
        if "{" not in path
        and any(each["name"] == "offset" for each in item.get("get", {}).get("parameters", ()))
    ]
    refused = 0
    for path, offset in lists:
        largest = offset["schema"]["maximum"]
        for client in clients:
            answer = client.get(path, params={"offset": str(largest + 1), "lang": "en"})
            if answer.status_code not in (403, 404):
                assert answer.status_code == 422, (path, answer.text)
                assert f"query.offset: must be {largest} or less" in answer.json()["detail"], path
                assert client.get(path, params={"offset": largest}).status_code == 200, path
                refused += 1
                break
    assert refused == len(lists) > 20
