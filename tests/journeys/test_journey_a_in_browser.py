"""Journey A as people play it in a real browser: two stewards, the public, and the auditor.

A bad batch is stopped at the gate, its failing rows go home as a workbook, the corrected batch passes, a second person
publishes it, anybody downloads it, and the record shows all of it. Every page is looked at in both languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from api.house import open_house
from api.sample import journeys
from api.sample.catalogue import compared_with, dataset
from api.sample.journeys import JOURNEY_A
from api.sample.people import seed_people
from api.sample.stage import stage
from api.worker import ensure_worker
from core.settings import Settings
from tests.journeys.stagehands import SignIn, look, sign_in
from tests.web.browser import served

pytestmark = [pytest.mark.browser, pytest.mark.gx, pytest.mark.slow]
ITEM = dataset(JOURNEY_A)
__all__ = ["sign_in"]  # the fixture


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running service with its own worker, in demo mode; the dataset's record and suite are entered, its master is released."""
    from api.app import create_app

    settings = Settings(data_dir=tmp_path_factory.mktemp("journey") / "data", demo=True)
    house = open_house(settings)
    seed_people(house)
    ensure_worker(settings.data_dir)
    with stage(house, lambda _who, _what: None) as scene:
        for name in compared_with(ITEM):
            journeys.enter(scene, dataset(name))
            journeys.release(scene, dataset(name))
        journeys.enter(scene, ITEM)
    house.engine.dispose()
    with served(create_app(settings)) as address:
        yield address


def _look(page: Page, name: str) -> None:
    look(page, f"journey-a-{name}")


def _hand_in(page: Page, file: Path) -> None:
    page.get_by_label("数据文件").set_input_files(file)
    page.get_by_role("button", name="提交并校验").click()
    page.wait_for_url(re.compile(r"/batches/[0-9a-f-]{36}"))
    expect(page.locator(".job[hx-get]")).to_have_count(0, timeout=120_000)


def test_four_people_play_journey_a(sign_in: SignIn, tmp_path: Path) -> None:
    bad, good = tmp_path / ITEM.defective.name, tmp_path / ITEM.clean.name
    bad.write_bytes(ITEM.defective.make())
    good.write_bytes(ITEM.clean.make())

    preparer = sign_in("parking-prepare")
    preparer.goto("/batches")
    preparer.get_by_role("link", name="提交数据").click()
    preparer.wait_for_url("**/batches/new")
    _look(preparer, "hand-in")
    preparer.get_by_label("数据集", exact=False).first.select_option(ITEM.id)
    _hand_in(preparer, bad)
    expect(preparer.locator("main").get_by_text("校验未通过").first).to_be_visible()
    expect(preparer.locator("main").get_by_text("同一停车场同一时刻只有一条记录").first).to_be_visible()
    _look(preparer, "stopped-at-the-gate")
    with preparer.expect_download() as workbook:
        preparer.get_by_role("link", name=re.compile("下载问题行")).click()
    failing = pd.read_excel(workbook.value.path(), engine="calamine")
    assert len(failing) > 0

    preparer.get_by_role("link", name="提交更正").click()
    _hand_in(preparer, good)
    expect(preparer.locator("main").get_by_text("校验通过").first).to_be_visible()
    batch = preparer.url.split("?")[0]
    expect(preparer.get_by_role("button", name="发布此批次")).to_have_count(0)  # two people
    _look(preparer, "passed")

    publisher = sign_in("parking-publish")
    publisher.goto(batch)
    publisher.get_by_role("button", name="发布此批次").click()
    publisher.locator("#confirm [data-yes]").click()
    publisher.wait_for_url(re.compile(r"/releases/[0-9a-f-]{36}"))
    expect(publisher.locator(".job[hx-get]")).to_have_count(0, timeout=120_000)
    expect(publisher.get_by_role("link", name="下载 Parquet")).to_be_visible()
    _look(publisher, "released")

    visitor = sign_in("")
    visitor.goto("/datasets?q=停车 余位")
    visitor.get_by_role("link", name="停车场实时余位").click()
    visitor.wait_for_url(f"**/datasets/{ITEM.id}")
    _look(visitor, "dataset")
    visitor.get_by_role("link", name="v1").first.click()
    with visitor.expect_download() as download:
        visitor.get_by_role("link", name="下载 Parquet").click()
    frame = pd.read_parquet(download.value.path())
    assert len(frame) == 17_280
    assert list(frame.columns) == [column["name"] for column in ITEM.columns]

    auditor = sign_in("auditor")
    auditor.goto("/audit")
    for kind in ("batch.received", "batch.checked", "release.published", "release.downloaded"):
        expect(auditor.locator("main").get_by_text(kind).first).to_be_visible()
    _look(auditor, "audit")
