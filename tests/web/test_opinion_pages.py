"""Template opinions in a real browser: chosen, inserted, changed and kept, at the door, in review and in the decision; and where they are managed."""

from __future__ import annotations

import pytest

from api.house import House
from auth.applications.workflow import State
from tests.datasets.extracts.scene import a_scene
from tests.desk import an_application
from tests.web.browser import OpenPage, axe, overflow, shot

COLUMNS = ["venue_id", "rooms"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_opinions_are_chosen_inserted_and_legible(sqlite_house: House, open_page: OpenPage) -> None:
    desk = a_scene(sqlite_house).desk
    waiting = an_application(
        desk,
        at=State.SUBMITTED,
        columns=COLUMNS,
        scenario_id="tourism-traffic",
        purposes=["service-operation"],
    )
    read = an_application(
        desk, at=State.IN_REVIEW, columns=COLUMNS, scenario_id="parking", purposes=["service-operation"]
    )
    ready = an_application(
        desk, at=State.DECIDING, columns=COLUMNS, scenario_id="weather", purposes=["service-operation"]
    )
    forms = {
        "screening": (f"/applications/{waiting.id}", "screener", "opinion", "screen-papers", "note"),
        "review": (f"/applications/{read.id}/review", "screener", "opinion", "review-narrow", "note"),
        "decision": (
            f"/applications/{ready.id}/decide", "approver", f"opinion-{ready.lines[0].id}", "refuse-papers", f"note-{ready.lines[0].id}",
        ),
    }  # fmt: skip
    for lang, width in (("zh", 1280), ("en", 390)):
        for name, (path, who, field, key, note) in forms.items():
            page = open_page(path, user=who, lang=lang, width=width)
            page.locator(f'select[name="{field}"]').select_option(key)
            page.locator(f'textarea[name="{note}"]').first.fill(
                "另见附件。" if lang == "zh" else "See the annex."
            )
            page.locator('button[name="insert"]').first.click()
            written = page.locator(f'textarea[name="{note}"]').first.input_value()
            assert len(written.splitlines()) == 2, (name, written)
            if name == "screening":
                assert page.locator('select[name="reason_code"]').input_value() == "papers-missing"
            page.locator(f'textarea[name="{note}"]').first.scroll_into_view_if_needed()
            shot(page, f"opinions-{name}-{lang}-{width}")
            assert (axe(page), overflow(page)) == ([], 0), (name, width)
        page = open_page("/profile/opinions?key=screen-papers", user="approver", lang=lang, width=width)
        shot(page, f"opinions-list-{lang}-{width}")
        assert (axe(page), overflow(page)) == ([], 0), ("list", width)
