"""The pages of those who watch, in a real browser: legible, within the window, in both languages."""

from __future__ import annotations

import pytest

from api.house import House
from auth.products.rules import CHECKS
from tests.auth.proof.packs import sealed
from tests.caps import a_fee_cap, a_revenue_cap, proposed
from tests.datasets.extracts.scene import a_scene
from tests.people import client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize(("lang", "width"), [("zh", 1280), ("en", 390)])
def test_pages_of_supervision_are_legible_and_within_the_window(
    sqlite_house: House, open_page: OpenPage, lang: str, width: int
) -> None:
    scene = a_scene(sqlite_house)
    scene.delivered(columns=["venue_id", "rooms"])
    sealed(sqlite_house)
    pages = {
        "dashboard": "/supervision", "ledger": "/usage", "disclosure": "/disclosure/2026",
        "record": f"/grants/{scene.grant_id}/record", "products": "/products", "caps": "/fee-caps",
    }  # fmt: skip
    for name, path in pages.items():
        page = open_page(path, user="auditor", lang=lang, width=width)
        shot(page, f"supervision-{name}-{lang}-{width}")
        assert (axe(page), overflow(page)) == ([], 0), name
    shot(
        open_page("/products/new", user="officer", lang=lang, width=width), f"supervision-product-new-{lang}"
    )


def test_a_proposed_cap_is_readable_and_says_what_is_over_it(sqlite_house: House, page_as: OpenPage) -> None:
    """Proposed in the form, looked at with its dry run, confirmed by the other person in the browser."""
    scene = a_scene(sqlite_house)
    a_fee_cap(sqlite_house)
    product = {
        "name_zh": "风险指数", "name_en": "Risk index", "kind": "indicator", "summary": "按区域汇总的风险指数", "scenario_id": "safety",
        "purpose": "risk-pricing", "unit": "times", "price_fen": 4000, "sources": [{"grant_id": scene.grant_id}], "affirmed": list(CHECKS), "level": 2,
    }  # fmt: skip
    officer = client_as(sqlite_house, "officer")
    made = officer.post("/api/v1/products", json=product).json()["id"]
    officer.post(
        f"/api/v1/products/{made}/fees", json={"charged_on": "2026-03-02", "quantity": 3, "price_fen": 4000}
    )
    a_revenue_cap(sqlite_house, cap_fen=20_000)
    page = page_as("approver", "/fee-caps")
    page.locator('select[name="scenario_id"]').select_option("safety")
    page.locator('select[name="unit"]').select_option("times")
    page.locator('input[name="cap"]').fill("30")
    page.locator('input[name="source"]').fill("价格主管部门通知 3 号")
    page.locator('input[name="effective_from"]').fill("2026-03-01")
    shot(page, "cap-propose")
    page.locator('form[action="/fee-caps"] .actions button').click()
    page.wait_for_url("**/caps/*")
    at = page.url[page.url.index("/caps/") :]
    told = page.inner_text("main")
    for words in ("待第二人确认", "风险指数", "40.00", "120.00", "尚不能办理"):
        assert words in told, words
    axe(page)
    assert overflow(page) <= 1
    revenue = proposed(sqlite_house, "/api/v1/revenue/caps", cap_fen=10_000)["id"]
    for name, where in (
        ("cap", at),
        ("cap-revenue", f"/caps/{revenue}"),
        ("caps-proposed", "/caps"),
        ("caps-public", "/fee-caps"),
    ):
        page = page_as("watch", where)
        axe(page)
        assert overflow(page) <= 1, where
        shot(page, name)
    page = page_as("watch", at)
    page.get_by_role("button", name="确认上限").click()
    page.locator("#confirm [data-yes]").click()
    page.get_by_text("已确认").first.wait_for()
    assert "30.00" in page_as("watch", "/fee-caps").inner_text("main")
