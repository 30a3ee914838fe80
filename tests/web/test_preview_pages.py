"""Pages of previews under a grant and of open data in every form, in a browser: accessible, fitting, in both languages."""

from __future__ import annotations

import pytest

from api.house import House
from tests.api.test_open_forms import an_open_release, works
from tests.datasets.queries.test_masked import a_preview_scene
from tests.web.browser import OpenPage, axe, overflow, shot


@pytest.mark.browser
def test_a_preview_is_shown_and_fits(sqlite_house: House, open_page: OpenPage) -> None:
    scene = a_preview_scene(sqlite_house)
    for lang, width in (("zh", 1280), ("en", 390)):
        page = open_page(f"/previews/grants/{scene.grant_id}", user="analyst", lang=lang, width=width)
        assert axe(page) == []
        page.locator("main form button").first.click()
        page.wait_for_selector("main table")
        shot(page, f"preview-under-grant-{lang}-{width}")
        assert axe(page) == []
        assert overflow(page) == 0
        page.close()


@pytest.mark.browser
def test_open_data_in_every_form_are_offered_and_fit(sqlite_house: House, open_page: OpenPage) -> None:
    release = an_open_release(sqlite_house)
    for lang, width in (("zh", 1280), ("en", 390)):
        page = open_page(f"/releases/{release}", user="analyst", lang=lang, width=width)
        page.locator(f'form[action$="/forms/{"xlsx" if lang == "zh" else "jsonl"}"] button').click()
        page.wait_for_selector("#get")
        shot(page, f"open-forms-{lang}-{width}")
        assert axe(page) == []
        assert overflow(page) == 0
        page.close()
        works(sqlite_house)
