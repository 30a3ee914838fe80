"""The export suite and what a verdict was compared with, in a real browser."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from api.house import House
from tests.datasets.parking import CLEAN, DATASET, a_parking_dataset, hand_in, publish
from tests.people import client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.gx]
RULES = {
    "name": "parking",
    "expectations": [
        {"type": "expect_column_values_to_exist_in_dataset", "kwargs": {"column": "lot", "dataset": DATASET}},
        {
            "type": "expect_rows_to_agree_with_last_release",
            "kwargs": {"max_change": 0.2},
            "severity": "warning",
        },
    ],
}
EXPORT = {
    "name": "parking.export",
    "expectations": [
        {"type": "expect_column_values_to_hold_no_phone_numbers", "kwargs": {"column": "name"}},
        {"type": "expect_groups_to_hold_at_least_k_rows", "kwargs": {"column_list": ["day"], "k": 2}},
    ],
}


def test_export_suite_and_comparison_are_readable_in_both_languages(
    sqlite_house: House, page_as: OpenPage
) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    publish(sqlite_house, "zhou", hand_in(sqlite_house, "lin", CLEAN).id)
    client = client_as(sqlite_house, "lin")
    for path, suite in (("suite", RULES), ("export-suite", EXPORT)):
        saved = client.put(f"/api/v1/datasets/{DATASET}/{path}", json={"suite": suite, "note": "对照"}, headers={"If-Match": '"1"'} if path == "suite" else {})  # fmt: skip
        assert saved.status_code == 200, saved.text
    batch = hand_in(sqlite_house, "lin", CLEAN + "P09,新门,30,3,2026-03-02\n".encode())
    assert client.get(f"/api/v1/batches/{batch.id}/verdict").json()["verdict"] == "failed"
    for lang in ("zh", "en"):
        for name, path in {
            "export-suite": f"/datasets/{DATASET}/export-suite",
            "export-suite-edit": f"/datasets/{DATASET}/export-suite/edit",
            "verdict-compared": f"/batches/{batch.id}/verdict",
        }.items():
            page = page_as("lin", path, lang=lang)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert axe(page) == []
            assert overflow(page) <= 0
            shot(page, f"{name}-{lang}")
    page = page_as("lin", f"/datasets/{DATASET}/export-suite/edit", lang="zh")
    changed = {**EXPORT, "expectations": EXPORT["expectations"][:1]}
    page.locator("textarea[name=json]").fill(json.dumps(changed))
    page.get_by_role("button", name="保存为新版本").click()
    expect(page.get_by_text("出域规则集第 2 版已生效")).to_be_visible()
