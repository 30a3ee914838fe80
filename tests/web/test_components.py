"""The component page: readable in both languages, both schemes, wide, narrow, on paper, and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("lang", "scheme", "width"),
    [("zh", "light", 1280), ("en", "light", 390), ("zh", "dark", 390), ("en", "dark", 1280)],
)
def test_every_component_is_accessible_and_fits_the_window(
    open_page: OpenPage, lang: str, scheme: str, width: int
) -> None:
    page = open_page("/components", lang=lang, scheme=scheme, width=width)
    page.wait_for_selector(".chart__canvas--on canvas")
    shot(page, f"components-{lang}-{scheme}-{width}")
    assert axe(page) == []
    assert overflow(page) == 0
    expect(page.locator("html")).to_have_attribute("lang", ("zh-CN" if lang == "zh" else "en"))


def test_the_printed_page_leaves_the_controls_out(open_page: OpenPage) -> None:
    page = open_page("/components")
    page.emulate_media(media="print")
    expect(page.locator(".print-head")).to_be_visible()
    expect(page.locator(".site-nav")).not_to_be_visible()
    expect(page.locator("#buttons .button").first).not_to_be_visible()
    shot(page, "components-print")


def test_the_page_reads_well_without_scripts(open_page: OpenPage) -> None:
    page = open_page("/components", scripts=False)
    expect(page.get_by_role("heading", name="界面组件")).to_be_visible()
    page.locator("figure.chart summary").first.click()
    expect(page.locator("figure.chart table").first).to_be_visible()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="Components")).to_be_visible()


def test_a_dangerous_step_is_asked_for_first(open_page: OpenPage) -> None:
    page = open_page("/components")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_role("button", name="撤销授权").click()
    expect(page.locator("#confirm [data-question]")).to_contain_text("不能恢复")
    page.get_by_role("button", name="返回").click()
    expect(page.locator("#confirm")).not_to_be_visible()
    assert "POST" not in sent
    page.get_by_role("button", name="撤销授权").click()
    with page.expect_request(lambda request: request.method == "POST"):
        page.locator("#confirm [data-yes]").click()


def test_rows_on_the_page_can_be_sorted_and_filtered(open_page: OpenPage) -> None:
    page = open_page("/components")
    table = page.locator("table[data-enhance]")
    numbers = table.locator("tbody td.num")
    table.get_by_role("button", name="不合格").click()
    up = [int(text.replace(",", "")) for text in numbers.all_inner_texts()]
    assert up == sorted(up)
    table.get_by_role("button", name="不合格").click()
    assert [int(text.replace(",", "")) for text in numbers.all_inner_texts()] == up[::-1]
    page.get_by_role("searchbox", name="在表中筛选").fill("between")
    expect(table.locator("tbody tr:visible")).to_have_count(4)


def test_the_keyboard_reaches_the_content_first(open_page: OpenPage) -> None:
    page = open_page("/components")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
