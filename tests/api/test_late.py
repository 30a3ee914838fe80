"""Routes that are made at first use answer as if they had been made at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from api import pages, routes
from api.app import routers
from api.late import APIRouter, LateRoute


def _app() -> tuple[FastAPI, LateRoute]:
    router = APIRouter(prefix="/things", tags=["things"])

    @router.get("/{number}", status_code=201)
    def thing(number: int, word: str = "a") -> dict[str, str]:
        """One thing."""
        return {word: str(number)}

    app = FastAPI()
    app.router.routes.extend(router.routes)
    route = router.routes[0]
    assert isinstance(route, LateRoute)
    return app, route


def test_a_route_knows_its_address_before_it_is_made() -> None:
    _, route = _app()
    assert (route.path, route.path_format, route.methods, route.name) == (
        "/things/{number}", "/things/{number}", {"GET"}, "thing",
    )  # fmt: skip
    assert "dependant" not in vars(route)


def test_it_is_made_by_the_first_request() -> None:
    app, route = _app()
    client = TestClient(app)
    assert client.get("/things/7?word=b").json() == {"b": "7"}
    assert client.get("/things/7").status_code == 201
    assert client.get("/things/seven").status_code == 422
    assert client.post("/things/7").status_code == 405
    assert "dependant" in vars(route)


def test_it_is_made_by_the_document() -> None:
    app, _ = _app()
    operation = app.openapi()["paths"]["/things/{number}"]["get"]
    assert operation["description"] == "One thing."
    assert [each["name"] for each in operation["parameters"]] == ["number", "word"]
    assert operation["tags"] == ["things"]


def test_many_threads_that_ask_at_once_get_one_making() -> None:
    for _ in range(20):
        _, route = _app()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: id(route.dependant), range(16)))  # noqa: B023
        assert len(set(found)) == 1


def test_what_no_route_has_is_missing_before_and_after() -> None:
    _, route = _app()
    for _ in range(2):
        with pytest.raises(AttributeError, match="colour"):
            route.colour  # noqa: B018


def test_every_router_makes_its_routes_late() -> None:
    """`from api.late import APIRouter`, not FastAPI's own: a thousand signatures would be read at each start."""
    early = {
        route.path
        for router in routers(routes) + routers(pages)
        for route in router.routes
        if isinstance(route, APIRoute) and not isinstance(route, LateRoute)
    }
    assert early == set()
