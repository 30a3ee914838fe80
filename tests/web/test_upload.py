"""Handing in a large file in a browser: progress shows, the reader lands on the batch, and a refusal keeps the form."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.house import House
from tests.catalog.records import a_dataset, a_department
from tests.web.browser import OpenPage

pytestmark = pytest.mark.browser


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """About 3 MB: enough for the progress bar."""
    path = tmp_path / "余位.csv"
    path.write_text("lot_id,free_spaces\n" + "".join(f"DP-P{n:07d},{n % 300}\n" for n in range(200_000)))
    return path


def test_a_large_file_arrives_and_leads_to_its_batch(
    page_as: OpenPage, sqlite_house: House, large_file: Path
) -> None:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-002", "traffic")
    page = page_as("traffic-steward", "/batches/new")
    page.get_by_label("数据集").select_option("DP-PK-002")
    page.get_by_label("数据文件").set_input_files(large_file)
    page.get_by_role("button", name="提交并校验").click()
    page.wait_for_url("**/batches/*-*", timeout=30_000)
    expect(page.get_by_role("heading", name="余位.csv")).to_be_visible()
    expect(page.locator(".flashes")).to_be_visible()


def test_the_same_file_again_is_refused_in_place_of_the_form(
    page_as: OpenPage, sqlite_house: House, large_file: Path
) -> None:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-002", "traffic")
    for _ in range(2):
        page = page_as("traffic-steward", "/batches/new", lang="en")
        page.get_by_label("Dataset").select_option("DP-PK-002")
        page.get_by_label("Data file").set_input_files(large_file)
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.get_by_role("button", name="Hand in and check").click()
        page.locator(".flashes, .callout--bad").first.wait_for(timeout=30_000)
    assert page.url.endswith("/batches/new")
    expect(page.locator(".callout--bad")).to_be_visible()
    expect(page.get_by_label("Dataset")).to_have_value("DP-PK-002")
