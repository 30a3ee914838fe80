"""What deciders see besides the form: explanations, trials, precedents, deputies; legible in both languages and on a narrow window."""

from __future__ import annotations

import pytest

from api.house import House
from auth.applications.workflow import State
from tests.datasets.extracts.scene import a_scene
from tests.desk import an_application
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_explanations_trials_and_deputies_are_legible(sqlite_house: House, open_page: OpenPage) -> None:
    scene = a_scene(sqlite_house)
    found = an_application(scene.desk, at=State.DECIDING, columns=["venue_id", "rooms"], scenario_id="parking", purposes=["service-operation"])  # fmt: skip
    refused = f"/grants/{scene.grant_id}/explain?purpose=research&person=nobody"
    pages = {"explain": refused, "deputies": "/delegations", "deputy": "/delegations/new"}
    for lang, width in (("zh", 1280), ("en", 390)):
        page = open_page(f"/applications/{found.id}/decide", user="approver", lang=lang, width=width)
        page.locator('button[formaction$="/simulate"]').click()
        page.locator("details", has=page.locator("table")).first.evaluate("each => { each.open = true }")
        shot(page, f"deciding-try-{lang}-{width}")
        assert (axe(page), overflow(page)) == ([], 0), ("try", width)
        for name, path in pages.items():
            page = open_page(path, user="approver", lang=lang, width=width)
            shot(page, f"deciding-{name}-{lang}-{width}")
            assert (axe(page), overflow(page)) == ([], 0), (name, width)
