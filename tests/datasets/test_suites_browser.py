"""The editor with a suite on trial, and the form of one rule with its live preview, in a real browser."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from api.durable import drain
from api.house import House
from tests.datasets.parking import DATASET, FAILS, SUITE, a_parking_dataset, hand_in
from tests.people import browser_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.gx]


def test_the_trial_is_readable_beside_its_text(sqlite_house: House, page_as: OpenPage) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    batch = hand_in(sqlite_house, "lin", FAILS)
    begun = browser_as(sqlite_house, "lin").submit(
        f"/datasets/{DATASET}/suite/try", json=json.dumps(SUITE), version="1", batch=batch.id
    )
    drain(sqlite_house)
    page = page_as("lin", begun.headers["location"], width=390)
    shot(page, "suite-trial-390")
    assert axe(page) == []
    assert overflow(page) == 0


def test_a_rule_is_edited_in_a_form_that_says_at_once_what_it_would_find(
    sqlite_house: House, page_as: OpenPage
) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    hand_in(sqlite_house, "lin", FAILS)
    for lang, words in (("zh", "会有 2 行不符"), ("en", "would have failed 2 rows")):
        page = page_as("lin", f"/datasets/{DATASET}/suite/edit", lang=lang)
        shot(page, f"suite-editor-{lang}")
        assert axe(page) == []
        page.locator("button[formaction$='/suite/rule'][value='2']").click()
        expect(page.locator("#preview [hx-get]")).to_be_visible()
        drain(sqlite_house)
        expect(page.locator("#preview .callout--good")).to_be_visible()
        page.locator("#f-arg-min_value").fill("100")
        expect(page.locator("#preview [hx-get]")).to_be_visible()
        drain(sqlite_house)
        expect(page.locator("#preview")).to_contain_text(words)
        shot(page, f"suite-rule-{lang}")
        assert axe(page) == []
        assert overflow(page) == 0
        page.locator("#f-arg-min_value").press("Enter")
        expect(page.locator("#f-json")).to_have_value(re.compile('"min_value": 100'))
        page.close()
    narrow = page_as("lin", f"/datasets/{DATASET}/suite/edit", width=390, scripts=False)
    narrow.locator("button[formaction$='/suite/rule'][value='1']").click()
    expect(narrow.locator("#f-type")).to_be_visible()
    shot(narrow, "suite-rule-390-no-scripts")
