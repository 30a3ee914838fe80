"""The navigation: it leads everywhere, to nothing that its reader may not open, and says where one is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from api.house import House
from api.navigation import NAV, Place, nav_for
from auth.actor import ANYONE
from auth.roles import Role
from tests.catalog.records import a_dataset, a_department
from tests.people import a_person, an_org, browser_as, client_as

MATRIX = json.loads((Path(__file__).parents[1] / "api" / "route_matrix.json").read_text())
PLACES = [place for group in NAV for place in group.places]
ELSEWHERE = {
    "/": "the mark", "/me": "the person's name", "/me/messages": "the header", "/me/messages/settings": "messages", "/me/notices": "messages",
    "/me/second-factor": "/me", "/sign-in": "the header", "/sign-in/code": "sign-in", "/sign-in/oidc": "sign-in",
    "/sign-in/oidc/callback": "sign-in", "/components": "the foot", "/developers": "the foot", "/clocks/kpi": "/clocks",
    "/profile/opinions": "/profile", "/queries/private": "/queries", "/anomaly-rules": "/anomalies", "/audit/evidence/period": "/audit",
    "/audit/evidence.zip": "/audit", "/admin/changes": "/admin", "/registrations": "/registers",
    "/supervision/monthly": "/supervision", "/supervision/monthly/file": "/supervision/monthly",
    "/usage/file": "/usage", "/duties/report": "/duties", "/tickets/fixes": "/tickets", "/record-changes/sheet": "/record-changes", "/screenings": "/applications", "/agreements/at-odds": "/agreements",
    "/feeds/datasets.atom": "a feed", "/feeds/discussions.atom": "a feed", "/data.json": "machines", "/openapi.json": "machines",
    "/robots.txt": "machines", "/sitemap.xml": "machines", "/mcp": "machines", "/oai": "machines", "/csw": "machines",
    "/dataset": "CKAN's address",
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.href)
def test_each_place_asks_what_its_route_asks(place: Place) -> None:
    assert MATRIX[f"GET {place.href}"] == (place.need or "public")


def test_every_page_stands_in_it_or_has_a_known_way() -> None:
    pages = {
        path for method, _, path in (name.partition(" ") for name in MATRIX)
        if method == "GET" and "{" not in path and not path.startswith(("/api", "/.well-known", "/delta-sharing", "/tlog")) and not path.endswith("/new")
    }  # fmt: skip
    assert pages - {place.href for place in PLACES} - ELSEWHERE.keys() == set()
    assert len(PLACES) == len({place.href for place in PLACES})


def test_the_closest_page_is_the_current_one() -> None:
    def current(path: str) -> list[str]:
        return [place.href for group in nav_for(ANYONE, path) for place in group.places if place.current]

    assert current("/datasets/DP-PK-002/reuses") == ["/datasets"]
    assert current("/datasetsx") == current("/") == []
    assert [group.label.en for group in nav_for(ANYONE, "/registrations/01") if group.current] == ["Grants"]
    assert [group.label.en for group in nav_for(ANYONE, "/matrix") if group.current] == ["Grants"]


AT_EACH_CHANGE = (Role.APPLICANT, Role.APPROVER)


@pytest.mark.parametrize(
    "role", [pytest.param(role, marks=[] if role in AT_EACH_CHANGE else pytest.mark.long) for role in Role]
)
def test_nobody_is_led_to_a_closed_door(sqlite_house: House, role: Role) -> None:
    with sqlite_house.write() as work:
        is_enterprise = role in (Role.ORG_OFFICER, Role.APPLICANT, Role.ANALYST)
        an_org(work, "house", "operator" if is_enterprise else "implementing_body")
        a_person(work, "zhou", "house", [role])
    client = client_as(sqlite_house, "zhou")
    for group in _links(client.get("/").text):
        for href in _links(client.get(group).text):
            assert client.get(href).status_code == 200, (group, href)


def _links(page: str) -> set[str]:
    begin = page.index('class="site-nav"')
    return set(re.findall(r'<li><a href="([^"]+)"', page[begin : page.index("</nav>", begin)]))


@pytest.mark.parametrize("query", ["publisher=traffic", "theme=PK"])
def test_a_department_or_theme_is_followed_by_its_button(sqlite_house: House, query: str) -> None:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        a_person(work, "zhou", "traffic", [Role.STEWARD])
        a_dataset(work, "DP-PK-001", "traffic", domain_code="PK")
    key, _, value = query.partition("=")
    path = f"/{key}s/{value}?lang=en"
    browser = browser_as(sqlite_house, "zhou")
    assert ">Follow<" in browser.get(path).text
    assert browser.submit("/me/searches", query=query, title="Traffic").status_code == 303
    assert ">Followed<" in browser.get(path).text
    assert "Follow" not in client_as(sqlite_house).get(path).text
