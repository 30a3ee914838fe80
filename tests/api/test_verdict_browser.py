"""Verdict and scores in a real browser: charts drawn, readable in both languages, fit to be printed."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from api.house import House
from datasets.batches import service as batches
from tests.datasets.parking import DATASET, SUITE, a_parking_dataset, hand_in, publish, save_suite
from tests.people import actor_of
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.gx]
RULES = [
    *SUITE["expectations"][:2],
    {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "total", "min_value": 20, "max_value": 300},
        "severity": "warning",
    },
    {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "name", "value_set": ["东门", "西门", "北门"]},
        "severity": "warning",
    },
    {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "day", "min_value": "2026-03-02", "max_value": "2026-03-20"},
        "severity": "info",
    },
]


def _lots(count: int) -> bytes:
    lines = [
        f"P{n:03d},{'东西北南'[n % 4]}门,{10 + (n * 37) % 340},{n % 9},2026-03-{1 + n % 24:02d}"
        for n in range(count)
    ]
    return ("lot,name,total,free,day\n" + "\n".join(lines) + "\n").encode()


def test_charts_of_verdict_and_scores_are_drawn_and_accessible(
    sqlite_house: House, page_as: OpenPage
) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
        save_suite(work, expectations=RULES)
    for count in (60, 200):
        batch = hand_in(sqlite_house, "lin", _lots(count))
        with sqlite_house.write() as work:
            batches.confirm(work, actor_of(work, "lin"), batch.id, "looked at it")
        publish(sqlite_house, "zhou", batch.id)
    for lang in ("zh", "en"):
        for name, path in {
            "verdict": f"/batches/{batch.id}/verdict",
            "verdict-days": f"/batches/{batch.id}/verdict?rule=5",
            "quality": f"/datasets/{DATASET}/quality",
        }.items():
            page = page_as("lin", path, lang=lang)
            expect(page.locator(".chart__canvas--on canvas").first).to_be_visible()
            shot(page, f"{name}-{lang}")
            assert axe(page) == [], name
            assert overflow(page) == 0, name
            if name == "verdict":
                expect(page.locator("[data-print]")).to_be_visible()
                page.emulate_media(media="print")
                expect(page.locator(".site-head")).to_be_hidden()
                shot(page, f"verdict-print-{lang}")
            page.close()
    narrow = page_as("lin", f"/batches/{batch.id}/verdict", width=390)
    assert overflow(narrow) == 0
