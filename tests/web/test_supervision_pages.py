"""The pages of those who watch, in a real browser: legible, within the window, in both languages."""

from __future__ import annotations

import pytest

from api.house import House
from tests.auth.proof.packs import sealed
from tests.datasets.extracts.scene import a_scene
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
