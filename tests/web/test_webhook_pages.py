"""Webhooks in a real browser: which events an endpoint takes is chosen group by group, seen again and changed."""

from __future__ import annotations

import pytest

from api.house import House
from auth.webhooks.rules import EVENT_KINDS
from tests.desk import a_desk
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_events_are_chosen_by_group_and_changed_later(sqlite_house: House, open_page: OpenPage) -> None:
    a_desk(sqlite_house)
    page = open_page("/webhooks", user="officer", lang="en")
    page.get_by_role("button", name="Choose none", exact=True).click()
    assert page.locator("input[name=kinds]:checked").count() == 0
    page.get_by_role("button", name="Choose all: Grants", exact=True).click()
    grants = [kind for kind in EVENT_KINDS if kind.startswith("grant.")]
    assert page.locator("input[name=kinds]:checked").count() == len(grants)
    page.get_by_label("Address").fill("https://receiver.example.org/hook")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("shown this once").wait_for()
    page.get_by_text(f"({len(grants)} of {len(EVENT_KINDS)} kinds)").wait_for()
    page.get_by_text("See and change").click()
    page.get_by_label("Grant revoked").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text(f"({len(grants) - 1} of {len(EVENT_KINDS)} kinds)").wait_for()
    endpoint = page.url.partition("?")[0].rpartition("/")[2]
    for lang, width in (("zh", 1280), ("en", 390)):
        for name, path in (("list", "/webhooks"), ("endpoint", f"/webhooks/{endpoint}")):
            page = open_page(path, user="officer", lang=lang, width=width)
            if name == "endpoint":
                page.locator("details summary").last.click()
            shot(page, f"webhooks-{name}-{lang}-{width}")
            assert (axe(page), overflow(page)) == ([], 0), (name, lang, width)
