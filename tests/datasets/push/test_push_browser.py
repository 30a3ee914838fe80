"""Pages of portals, filled: accessible, within the window, in both languages."""

from __future__ import annotations

import pytest

from api.house import House
from tests.datasets.push.portal import a_ckan, a_portal, push
from tests.datasets.push.test_push import furnish, retitle
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


def test_pages_of_a_portal_with_changes_made_there(sqlite_house: House, open_page: OpenPage) -> None:
    furnish(sqlite_house)
    with a_ckan() as ckan:
        made = a_portal(sqlite_house, ckan.url, schedule="every P1D")
        a_portal(sqlite_house, ckan.url, approved=False)
        ckan.refuses.add("dp-pk-002")
        push(sqlite_house, made.id)
        theirs = ckan.named("dp-pk-001")
        assert theirs
        theirs["title"] = "门户改的题名"
        retitle(sqlite_house, "DP-PK-000", "停车场（新）")
        run, _ = push(sqlite_house, made.id)
        assert run.counts == {"changed": 1, "held": 1, "failed": 1}
    at = f"/pushes/{made.id}"
    places = {
        "list": "/pushes",
        "show": at,
        "run": f"{at}/runs/{run.id}",
        "records": f"{at}/records?drifted=1",
    }
    for lang, width in (("zh", 1280), ("en", 390)):
        page = open_page("/pushes", user="ada", lang=lang, width=width)
        for name, path in places.items():
            page.goto(page.url.split("/pushes")[0] + path)
            shot(page, f"push-{name}-{lang}-{width}")
            assert axe(page) == [], name
            assert overflow(page) == 0, name
