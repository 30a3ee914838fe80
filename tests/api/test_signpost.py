"""The router that looks leading words up sends every request where trying one pattern after the other would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.routing import BaseRoute, Match, Mount, Route

from api.app import V1
from api.house import House
from api.signpost import Signpost, leading_words, table_of
from tests.people import app_of


@pytest.fixture
def app(sqlite_house: House) -> FastAPI:
    return app_of(sqlite_house)


def _addresses(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        for method in getattr(route, "methods", None) or ["GET"]:
            address = getattr(route, "path_format", "/static/{path}")
            for filled in ("x", "1", "new", "a.b", "列"):
                yield method, re.sub(r"\{[^}]+\}", filled, address)


def _first(routes: list[BaseRoute], scope: dict[str, Any]) -> BaseRoute | None:
    return next((each for each in routes if each.matches(scope)[0] is Match.FULL), None)


def test_each_address_leads_where_the_whole_list_would_lead_it(app: FastAPI) -> None:
    router = app.router
    assert isinstance(router, Signpost)
    longest = 0
    for method, path in dict.fromkeys(_addresses(router.routes)):
        scope = {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}
        few = router._routes_to(path)
        assert _first(few, dict(scope)) is _first(router.routes, dict(scope)), (method, path)
        longest = max(longest, len(few))
    assert longest < len(router.routes) / 8, "the table tells too little apart"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", ("",)),
        ("/a", ("a",)),
        ("/a/", ("a", "")),
        ("/a/{b}/c", ("a",)),
        ("/a/x-{b}", ("a",)),
        ("/{a}", ()),
        ("/a/b/c/d", ("a", "b", "c")),
    ],
)
def test_leading_words_end_before_the_first_parameter(path: str, words: tuple[str, ...]) -> None:
    assert leading_words(Route(path, lambda _: None)) == words


def test_what_is_no_plain_pattern_may_be_meant_by_any_address() -> None:
    mount, shown, other = Mount("/a", routes=[]), Route("/a/b", lambda _: None), Route("/{x}", lambda _: None)
    table = table_of([mount, shown, other])
    assert table == {(): [mount, other], ("a", "b"): [mount, shown, other]}


def test_what_no_route_answers_is_told_as_ever(app: FastAPI) -> None:
    client = TestClient(app, follow_redirects=False)
    assert client.get("/no-such-address").status_code == 404
    assert client.get(f"{V1}/no/such/address").status_code == 404
    wrong = client.put(f"{V1}/batches")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    assert client.get("/sign-in/").headers["location"].endswith("/sign-in")


def test_a_route_that_is_added_later_is_found(app: FastAPI) -> None:
    client = TestClient(app)
    assert client.get("/added/later").status_code == 404
    app.get("/added/{when}", response_model=None)(lambda when: {"when": when})
    assert client.get("/added/later").json() == {"when": "later"}
