"""No page shows its reader a link that he may not follow, nor one that leads to nothing."""

from __future__ import annotations

import re
from html import unescape

import pytest

from api.house import House
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import a_person, browser_as, client_as

READERS = (
    "analyst",
    "approver",
    *(pytest.param(name, marks=pytest.mark.long) for name in ("applicant", "checker", "watch", "steward_a")),
)


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    """A grant with an extract that was taken and one that was refused."""
    found = a_scene(sqlite_house)
    analyst = client_as(found.house, "analyst")
    body = {"grant_id": found.grant_id, "purpose": "risk-pricing", "scenario_id": "safety"}
    refused = analyst.post("/api/v1/extracts", json=body | {"columns": ["secret_note"]})
    assert refused.status_code == 403, refused.text
    taken = analyst.post("/api/v1/extracts", json=body | {"columns": ["venue_id"]})
    assert taken.status_code == 202, taken.text
    found.works()
    return found


def _links(page: str) -> set[str]:
    main = page.partition("<main")[2].partition("</main>")[0]
    return {unescape(href).partition("#")[0] for href in re.findall(r'<a\b[^>]*\shref="(/[^"]*)"', main)}


@pytest.mark.parametrize("reader", READERS)
def test_every_link_leads_somewhere_for_its_reader(scene: Scene, reader: str) -> None:
    with scene.house.write() as work:
        a_person(work, "anew", "bureau", ["output_checker"])
    browser = browser_as(scene.house, "anew" if reader == "checker" else reader)
    grant = scene.grant_id
    application = client_as(scene.house, "watch").get(f"/api/v1/grants/{grant}").json()["application_id"]
    dead = []
    for page in ("/jobs", f"/grants/{grant}", f"/grants/{grant}/record", f"/applications/{application}"):
        shown = browser.get(page)
        if shown.status_code == 200:
            dead += [
                (page, href, status)
                for href in sorted(_links(shown.text))
                if (status := browser.get(href).status_code) in (403, 404, 500)
            ]
    assert dead == []
