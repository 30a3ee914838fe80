"""Every route × every role: who gets in, who does not, and that no route forgot to say so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api.house import House
from api.identity import local_token
from auth.roles import PERMISSIONS, Role
from tests.api.route_matrix import FILE, Route, routes_of, table_of
from tests.people import a_person, an_org, app_of

AGAIN = "run `python -m tests.api.route_matrix`, read the diff, and commit it"
# Proofs themselves: what they answer to an empty proof is 401, whoever asks.
PROVES = {
    "POST /sign-in", "POST /api/v1/auth/token", "POST /api/v1/auth/refresh",
    "GET /shared/{view_id}/{name}", "HEAD /shared/{view_id}/{name}",
}  # fmt: skip
HOMES = {
    Role.ORG_OFFICER: "insurer",
    Role.APPLICANT: "insurer",
    Role.ANALYST: "insurer",
    Role.STEWARD: "transport",
}


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture
def app(sqlite_house: House) -> FastAPI:
    with sqlite_house.write() as work:
        an_org(work, "bureau", "implementing_body")
        an_org(work, "transport", "source_department")
        an_org(work, "insurer")
        a_person(work, "nobody", "bureau")
        for role in Role:
            a_person(work, f"a-{role.value}", HOMES.get(role, "bureau"), [role])
    return app_of(sqlite_house)


def _nested(routes: list[Any]) -> Iterator[Any]:
    for route in routes:
        yield route
        yield from _nested(getattr(route, "routes", None) or [])


def test_every_route_says_who_may_call_it(app: FastAPI) -> None:
    assert [route.name for route in routes_of(app) if route.access is None] == []
    hidden = [
        route.path
        for route in _nested(app.routes)
        if isinstance(route, APIRoute) and "x-access" not in (route.openapi_extra or {})
    ]
    assert hidden == [], "routes outside the document need access(…) too"


def test_route_table_is_current(app: FastAPI) -> None:
    committed = json.loads(FILE.read_text(encoding="utf-8"))
    present = table_of(app)
    assert sorted(set(present) - set(committed)) == [], f"new routes: {AGAIN}"
    assert sorted(set(committed) - set(present)) == [], f"routes that are gone: {AGAIN}"
    assert {
        name: (committed[name], present[name]) for name in present if committed[name] != present[name]
    } == {}, AGAIN


def test_visitor_gets_in_nowhere_but_at_the_public_routes(app: FastAPI, client: TestClient) -> None:
    for route in routes_of(app):
        answer = _call(client, route)
        if route.access == "public":
            assert answer.status_code not in (401, 403) or route.name in PROVES, _said(route, answer)
        else:
            assert answer.status_code == 401, _said(route, answer)


def test_one_role_after_the_other_gets_in_where_its_permissions_say(
    app: FastAPI, client: TestClient, sqlite_house: House
) -> None:
    """Every route by one of the roles; by each of them with `make long`."""
    roles, routes = [None, *Role], list(routes_of(app))
    for at, role in enumerate(roles):
        _lets_in(client, sqlite_house, role, routes[at :: len(roles)])


@pytest.mark.long
@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: str(role or "no role"))
def test_role_gets_in_where_its_permissions_say_and_nowhere_else(
    app: FastAPI, client: TestClient, sqlite_house: House, role: Role | None
) -> None:
    _lets_in(client, sqlite_house, role, routes_of(app))


def _lets_in(client: TestClient, house: House, role: Role | None, routes: Iterable[Route]) -> None:
    """Whoever holds this role alone is let in at those of the routes that its permissions open, and refused at the others."""
    username = f"a-{role.value}" if role else "nobody"
    token = local_token(house, username)
    for route in routes:
        answer = _call(client, route, {"Authorization": f"Bearer {token}"})
        if "sign-out-everywhere" in route.path:
            token = local_token(house, username)
        if route.access in ("public", "signed-in") or role in PERMISSIONS.get(route.access or "", ()):
            assert answer.status_code != 401 or route.name in PROVES, _said(route, answer)
            # what lets in may tell of refusals of others: the audit trail does, also beside a form that is sent back
            refused = answer.status_code in (403, 404)
            assert not refused or "role-lacks-permission" not in answer.text, _said(route, answer)
        else:
            assert answer.status_code in (403, 404), _said(route, answer)
            assert route.method == "HEAD" or "role-lacks-permission" in answer.text, _said(route, answer)


@pytest.mark.long
def test_limited_key_gets_in_nowhere_beyond_its_limit(
    app: FastAPI, client: TestClient, sqlite_house: House
) -> None:
    headers = {"Authorization": f"Bearer {local_token(sqlite_house, 'a-sysadmin')}"}
    body = {"name": "narrow", "scopes": ["auth:user:read"]}
    key = client.post("/api/v1/me/api-keys", json=body, headers=headers).json()["key"]
    for route in routes_of(app):
        if route.access in ("public", "signed-in", "auth:user:read"):
            continue
        answer = _call(client, route, {"Authorization": f"Bearer {key}"})
        assert answer.status_code in (403, 404), _said(route, answer)


def _call(client: TestClient, route: Route, headers: dict[str, str] | None = None) -> Any:
    """Ask with ids that name nothing and an empty body: who may ask is decided before what is asked."""
    path = re.sub(r"\{[^}]+\}", "no-such-thing", route.path)
    answer = client.request(route.method, path, headers=headers)
    assert answer.status_code < 500, _said(route, answer)
    return answer


def _said(route: Route, answer: Any) -> str:
    return f"{route.name} [{route.access}] answered {answer.status_code}: {answer.text[:300]}"
