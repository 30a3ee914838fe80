"""What deciders see besides the form: explanations, trials, precedents, deputies; legible in both languages and on a narrow window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api.house import House
from auth.applications import service as applications
from auth.applications.workflow import State
from tests.datasets.extracts.scene import a_scene
from tests.desk import agreed, an_application
from tests.web.browser import OpenPage, axe, overflow, shot

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


def test_a_form_that_cannot_be_had_is_ticked_knowingly_and_seen_to_wait(
    sqlite_house: House, open_page: OpenPage
) -> None:
    scene = a_scene(sqlite_house)
    for lang, width, scenario in (("zh", 1280, "parking"), ("en", 390, "weather")):
        found = an_application(
            scene.desk, at=State.DECIDING, columns=["venue_id", "rooms"], scenario_id=scenario, forms=["extract_csv", "query_agg"]
        )  # fmt: skip
        page = open_page(f"/applications/{found.id}/decide", user="approver", lang=lang, width=width)
        shot(page, f"deciding-waits-{lang}-{width}")
        assert (axe(page), overflow(page)) == ([], 0), ("decide", width)
        line_id = found.lines[0].id

        def decides(page: Page, line_id: str = line_id) -> None:
            page.locator(f'input[name="outcome-{line_id}"][value="approve"]').check()
            page.locator('input[name="has_no_conflict"]').check()
            page.locator('[name="public_interest"]').fill("游客停车更方便，公共道路更通畅")
            page.locator('[name="fairness"]').fill("同类申请按同样条件办理")
            page.locator("button.button--primary").last.click()
            page.locator("dialog#confirm [data-yes]").click()

        decides(page)
        page.wait_for_selector(".callout--bad")
        assert page.locator(".callout--bad code", has_text="query-terms-missing").count() == 1
        page.locator(f'input[name="awaits-{line_id}"][value="query_agg"]').check()
        decides(page)
        page.wait_for_url(f"**/applications/{found.id}*")
        with scene.desk.read("officer") as (work, actor):
            made = applications.application(work, actor, found.id)
        grant_id = agreed(scene.desk, made).grants[0]
        page = open_page(f"/grants/{grant_id}", user="officer", lang=lang, width=width)
        shot(page, f"grant-waits-{lang}-{width}")
        assert page.locator("code", has_text="query-terms-missing").count() >= 1
        assert (axe(page), overflow(page)) == ([], 0), ("grant", width)
