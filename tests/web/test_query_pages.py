"""The query pages in a real browser, in both languages: legible, within the window, and usable."""

from __future__ import annotations

import pytest

from api.house import House
from tests.datasets.queries.scene import STAYS, a_query_scene
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_every_query_page_is_legible_and_within_the_window(sqlite_house: House, open_page: OpenPage) -> None:
    scene = a_query_scene(sqlite_house)
    answered = scene.query(group_by=[{"column": "lot"}]).id
    scene.verify()
    scene.caps()
    private = scene.private(measure={"kind": "histogram", "column": "lot"}).id
    pages = {
        "list": ("/queries", "analyst"), "new": (f"/queries/new?grant={scene.grant_id}", "analyst"),
        "answer": (f"/queries/{answered}", "analyst"), "terms": (f"/queries/terms/{STAYS}", "steward_a"),
        "private": (f"/queries/private?grant={scene.grant_id}", "analyst"), "private-answer": (f"/queries/{private}", "analyst"),
        "verify": (f"/verifications/new?grant={scene.grant_id}", "analyst"), "verifications": ("/verifications", "analyst"),
        "preview": (f"/previews/{STAYS}", "analyst"),
        "budget": (f"/queries/budget/{STAYS}", "approver"),
    }  # fmt: skip
    for name, (path, user) in pages.items():
        for lang, width in (("zh", 1280), ("en", 390)):
            page = open_page(path, user=user, lang=lang, width=width)
            shot(page, f"queries-{name}-{lang}-{width}")
            assert (axe(page), overflow(page)) == ([], 0), (name, width)
