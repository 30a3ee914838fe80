"""A ticket from the home page to its answer, in a real browser, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.house import House
from tests.datasets.tickets.stories import a_stage, a_waiver, judged, the_ticket
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


def test_a_steward_works_a_ticket_through(sqlite_house: House, page_as: OpenPage, tmp_path: Path) -> None:
    a_stage(sqlite_house)
    for _ in range(3):
        judged(sqlite_house, fails={"K2": 7, "W1": 1})
    page = page_as("lin", "/tickets?which=mine")
    shot(page, "tickets-zh")
    assert (axe(page), overflow(page)) == ([], 0)
    page.get_by_role("link", name="lot").first.click()
    expect(page.locator("h1")).to_contain_text("lot")
    page.get_by_role("button", name="受理").click()
    expect(page.get_by_text("已受理。")).to_be_visible()
    page.get_by_role("button", name="开始处理").click()
    expect(page.get_by_text("已开始处理。")).to_be_visible()
    page.get_by_label("经校核数据无误").check()
    page.get_by_label("情况说明").fill("同名停车场确为两处")
    page.get_by_role("button", name="提交反馈").click()
    expect(page.get_by_text("已反馈，待另一位专员确认。")).to_be_visible()
    expect(page.get_by_text("您现在不能确认")).to_be_visible()
    shot(page, "ticket-answered-zh")
    assert (axe(page), overflow(page)) == ([], 0)


def test_waivers_and_rules_that_keep_failing_are_readable(sqlite_house: House, page_as: OpenPage) -> None:
    a_stage(sqlite_house)
    for bad in (7, 6, 9):
        failed = judged(sqlite_house, fails={"K2": bad})
    page = page_as("zhou", "/tickets/fixes", lang="en")
    shot(page, "fixes-en")
    assert (axe(page), overflow(page)) == ([], 0)
    a_waiver(sqlite_house, ticket_id=the_ticket(sqlite_house).id)
    for width, path, name in (
        (390, f"/tickets/{the_ticket(sqlite_house).id}", "ticket-waived-en-390"),
        (1280, f"/batches/{failed.id}", "batch-waived-en"),
        (1280, "/waivers", "waivers-en"),
        (390, "/waivers/new?dataset=DP-PK-900&rule=K2", "waiver-new-en-390"),
    ):
        page = page_as("zhou", path, lang="en", width=width)
        shot(page, name)
        assert (path, axe(page), overflow(page)) == (path, [], 0)
    page = page_as("chief", "/waivers", lang="zh")
    page.get_by_role("link", name="lot").first.click()
    expect(page.get_by_text("凭此豁免放行")).to_be_visible()
    shot(page, "waiver-zh")
    assert (axe(page), overflow(page)) == ([], 0)
