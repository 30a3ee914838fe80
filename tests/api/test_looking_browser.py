"""The pages that ask for a look and show a batch, in a real browser: accessible, inside the window, usable to the end."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from api.durable import drain
from api.house import House
from tests.datasets.batches.test_looking import ROWS, a_workbook
from tests.datasets.parking import a_parking_dataset, hand_in, the_batch
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.gx]
ODD = "".join(f"P{i:02d},东门{i},{i},{i},2026-03-{i % 28 + 1:02d}\n" for i in range(1, 31)) + "P31 ,坏\ufffd,很多,7,\n合计,,,9,\n"  # fmt: skip


def test_a_steward_looks_accepts_and_sees_the_verdict(sqlite_house: House, open_page: OpenPage) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    batch = hand_in(sqlite_house, "lin", a_workbook(("三月", ROWS), ("四月", ROWS)), "停车场.xlsx")
    for lang, scheme, width in (("en", "dark", 390), ("zh", "light", 1280)):
        for path in (f"/batches/{batch.id}", f"/batches/{batch.id}/preview", "/batches/new"):
            page = open_page(path, user="lin", lang=lang, scheme=scheme, width=width)
            shot(page, f"look-{path.rsplit('/', 1)[-1][:7]}-{lang}-{width}")
            assert axe(page) == [], path
            assert overflow(page) == 0, path
    page = open_page(f"/batches/{batch.id}/preview", user="lin", lang="zh")
    expect(page.get_by_role("heading", name="预览")).to_be_visible()
    page.get_by_role("button", name="读取无误，继续校验").click()
    expect(page.get_by_text("已认可读取方式")).to_be_visible()
    drain(sqlite_house)
    assert the_batch(sqlite_house, batch.id).state == "passed"


def test_suspicious_cells_are_marked_where_they_stand(sqlite_house: House, open_page: OpenPage) -> None:
    with sqlite_house.write() as work:
        a_parking_dataset(work, draft=True, columns=[])
    batch = hand_in(sqlite_house, "lin", f"lot,name,total,free,day\n{ODD}".encode())
    page = open_page(f"/batches/{batch.id}/preview", user="lin", lang="zh")
    expect(page.locator("mark").first).to_have_text("P31␣")
    shot(page, "look-suspicious-zh-1280")
    assert axe(page) == []
    assert overflow(page) == 0
    page.get_by_role("link", name="采用为数据字典").click()
    expect(page.get_by_text("由批次建议，尚未保存")).to_be_visible()
    shot(page, "look-adopt-zh-1280")
