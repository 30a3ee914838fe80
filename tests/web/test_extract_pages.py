"""The extract pages in a real browser: an analyst's way through them, in both languages, with and without scripts."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from api.house import House
from auth.actor import SYSTEM
from auth.policy.model import EXTRACT_FORMS
from auth.roles import Role
from core.jobs import JobRow
from datasets.store import service as store
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import a_person, an_org
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _failed(scene: Scene) -> str:
    """An extract whose making was cancelled."""
    made = scene.asks()
    with scene.house.write() as work:
        work.db.get_one(JobRow, made.job_id).cancel_requested = True
    scene.works()
    return made.id


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_extract_page_is_legible_and_within_the_window(
    sqlite_house: House, open_page: OpenPage, lang: str
) -> None:
    scene = a_scene(
        sqlite_house, quotas={"extracts": 20, "rows": 1000}, forms=sorted(EXTRACT_FORMS - {"extract_geojson"})
    )
    ready, failed, building = scene.delivered().id, _failed(scene), scene.asks().id
    pages = {
        "list": "/extracts", "choose": "/extracts/new", "new": f"/extracts/new?grant={scene.grant_id}",
        "ready": f"/extracts/{ready}", "failed": f"/extracts/{failed}", "building": f"/extracts/{building}",
    }  # fmt: skip
    for name, path in pages.items():
        for width in (1280, 390):
            page = open_page(path, user="analyst", lang=lang, width=width)
            shot(page, f"extracts-{name}-{lang}-{width}")
            assert (axe(page), overflow(page)) == ([], 0), (name, width)


@pytest.mark.parametrize("scripts", [True, False])
def test_an_analyst_plans_is_refused_mends_and_asks(
    sqlite_house: House, open_page: OpenPage, scripts: bool
) -> None:
    scene = a_scene(sqlite_house)
    page = open_page(f"/extracts/new?grant={scene.grant_id}", user="analyst", lang="en", scripts=scripts)
    page.select_option('[name="column-0"]', "rooms")
    page.select_option('[name="op-0"]', "ge")
    page.fill('[name="value-0"]', "many")
    page.get_by_role("button", name="Show the plan first").click()
    page.get_by_text("is not a number").wait_for()
    expect(page.locator('[name="value-0"]')).to_have_value("many")
    page.fill('[name="value-0"]', "12")
    page.get_by_role("button", name="Show the plan first").click()
    page.get_by_text("at most about 5 of 5 rows").wait_for()
    page.get_by_role("button", name="Ask for the extract").click()
    page.wait_for_url("**/extracts/*-*")
    scene.works()
    if not scripts:  # with them the page notices by itself
        page.reload()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download the file").click()
    path = taken.value.path()
    assert path.read_bytes() == scene.file(page.url.rsplit("/", 1)[-1]).read_bytes()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_one_time_link_is_shown_once(sqlite_house: House, open_page: OpenPage, lang: str) -> None:
    scene = a_scene(sqlite_house)
    page = open_page(f"/extracts/{scene.delivered().id}", user="analyst", lang=lang, scripts=False, width=390)
    page.get_by_role("button", name="One-time link" if lang == "en" else "一次性下载链接").click()
    expect(page.locator("#ticket-url")).to_contain_text("/take/")
    shot(page, f"extracts-ticket-{lang}-390")
    assert overflow(page) == 0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_of_the_store_is_legible(sqlite_house: House, open_page: OpenPage, lang: str) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "root", "bureau", [Role.SYSADMIN])
        asked = store.ask(work, SYSTEM, store.CHECK)
        job = work.db.get_one(JobRow, asked.job_id)
        lost = {"table": "datasets_extract", "column": "sha256", "id": "e1", "sha256": "c" * 64}
        found = {
            "checked": 9,
            "damaged": ["d" * 64],
            "missing": 1,
            "missing_rows": [lost],
            "uncited": 2,
            "uncited_bytes": 4096,
        }
        job.state, job.result = "done", json.dumps(found)
    page = open_page("/store", user="root", lang=lang, width=390)
    shot(page, f"store-{lang}-390")
    assert (axe(page), overflow(page)) == ([], 0)
