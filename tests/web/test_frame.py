"""The frame around every page: who is signed in, where one is, errors told as pages, and plain pages without assets."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import expect

from api.assets import asset_url
from api.house import House
from tests.people import a_person, an_org, app_of, browser_as
from tests.web.browser import OpenPage, axe, overflow, shot

HTML = {"accept": "text/html"}


@pytest.fixture
def visitor(sqlite_house: House) -> TestClient:
    return TestClient(app_of(sqlite_house), headers=HTML)


def test_an_address_that_does_not_exist_is_told_as_a_page_in_the_readers_language(
    visitor: TestClient,
) -> None:
    chinese = visitor.get("/no/such/page")
    english = visitor.get("/no/such/page?lang=en")
    assert (chinese.status_code, english.status_code) == (404, 404)
    assert "接下来可以做什么" in chinese.text
    assert '<html lang="zh-CN">' in chinese.text
    assert "What to do next" in english.text
    assert '<html lang="en">' in english.text


def test_a_signed_in_reader_stays_signed_in_on_an_error_page(sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "zhou", "bureau", ["approver"])
    told = browser_as(sqlite_house, "zhou").get("/no/such/page")
    assert told.status_code == 404
    assert "zhou先生" in told.text


def test_a_fault_of_ours_is_told_without_its_details(sqlite_house: House) -> None:
    app = app_of(sqlite_house)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret detail")

    browser = TestClient(app, headers=HTML, raise_server_exceptions=False)
    told = browser.get("/broken")
    assert told.status_code == 500
    assert "接下来可以做什么" in told.text
    assert "secret detail" not in told.text
    program = browser.get("/broken", headers={"accept": "application/json"})
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["status"] == 500


def test_the_language_switch_keeps_the_page_and_its_query(visitor: TestClient) -> None:
    text = visitor.get("/components?state=active&sort=-rows").text
    assert 'href="/components?state=active&amp;sort=-rows&amp;lang=en"' in text


def test_the_policy_allows_nothing_from_outside_and_nothing_inline(visitor: TestClient) -> None:
    policy = visitor.get("/components").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_an_assets_address_changes_with_its_content(tmp_path: Path) -> None:
    for body in (b"one", b"two"):
        (tmp_path / "app.css").write_bytes(body)
        asset_url.cache_clear()
        last = asset_url("app.css", tmp_path)
        assert last.startswith("/static/app.css?v=")
    asset_url.cache_clear()
    (tmp_path / "app.css").write_bytes(b"one")
    assert asset_url("app.css", tmp_path) != last


def test_pages_without_built_assets_still_answer(tmp_path: Path) -> None:
    asset_url.cache_clear()
    assert asset_url("app.css", tmp_path) == "/static/app.css"


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_error_page_is_readable(open_page: OpenPage, lang: str) -> None:
    page = open_page("/no/such/page", lang=lang)
    shot(page, f"error-404-{lang}")
    assert axe(page) == []
    assert overflow(page) == 0


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(("name", "path"), [("home", "/"), ("reference", "/api/docs")])
def test_the_first_pages_of_a_visitor_are_readable(
    open_page: OpenPage, name: str, path: str, lang: str
) -> None:
    page = open_page(path, lang=lang)
    shot(page, f"{name}-{lang}")
    assert axe(page) == []
    assert overflow(page) == 0


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_signed_in_person_and_organisation_stand_in_the_header(
    page_as: OpenPage, sqlite_house: House, width: int
) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "zhou", "bureau", ["approver", "steward"])
    page = page_as("zhou", "/clocks", lang="en", width=width)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    expect(page.locator(".person").get_by_text("Zhou")).to_be_visible()
    nav = page.get_by_role("navigation", name="Main navigation")
    expect(nav.locator('[aria-current="true"]')).to_have_text("Grants")
    expect(nav.locator('[aria-current="page"]')).to_have_text("Clocks")
    expect(nav.get_by_role("link", name="Applications", exact=True)).to_be_visible()
    shot(page, f"signed-in-{width}")
    assert axe(page) == []
    assert overflow(page) == 0
