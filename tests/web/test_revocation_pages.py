"""Revocations, a grant's own fields, reading in place with who read, masks of places, a publisher to follow: legible in both languages and on a narrow window."""

from __future__ import annotations

import pytest

from api.house import House
from auth.applications.workflow import State
from tests.datasets.extracts.scene import Scene, a_scene
from tests.datasets.sharing.reading import makes
from tests.desk import an_application
from tests.people import client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _read_once(scene: Scene) -> None:
    makes(scene)
    analyst = client_as(scene.house, "analyst")
    assert analyst.get(f"/api/v1/grants/{scene.grant_id}/rows?limit=1").status_code == 200


def test_they_are_legible(sqlite_house: House, open_page: OpenPage) -> None:
    scene = a_scene(sqlite_house)
    asked = an_application(scene.desk, at=State.DECIDING, columns=["venue_id", "rooms"], scenario_id="parking", purposes=["service-operation"])  # fmt: skip
    _read_once(scene)
    grant, both = f"/grants/{scene.grant_id}", (("zh", 1280), ("en", 390))
    faults = []

    def looks(user: str, pages: dict[str, str]) -> None:
        for lang, width in both:
            page = open_page("/", user=user, lang=lang, width=width)
            for name, path in pages.items():
                answer = page.goto(path)
                shot(page, f"revocations-{name}-{lang}-{width}")
                found = (answer and answer.status, axe(page), overflow(page))
                faults.extend([] if found == (200, [], 0) else [(name, lang, found)])

    looks("analyst", {"read": f"{grant}/read", "publisher": "/publishers/parks"})
    looks("approver", {"decide": f"/applications/{asked.id}/decide"})
    looks("watch", {"grant": grant, "none": "/revocations"})
    scene.revokes()
    with_one = client_as(sqlite_house, "watch2").get("/api/v1/revocations").json()["items"]
    assert len(with_one) == 1
    looks("watch2", {"revoked": grant, "list": "/revocations", "one": f"/revocations/{with_one[0]['id']}"})
    assert faults == []
