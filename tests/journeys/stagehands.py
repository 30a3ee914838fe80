"""What the journeys in a browser share: people who sign in by the form, and a look at each page in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from api.sample.people import PASSWORD
from tests.web.browser import axe, overflow, shot

SignIn = Callable[[str], Page]
Look = Callable[[Page, str], None]


@pytest.fixture
def sign_in(browser: Browser, service: str) -> Iterator[SignIn]:
    """`sign_in("parking-prepare")`: that person's own browser, signed in by the form; `""` is a visitor. `service`: the address."""
    contexts: list[BrowserContext] = []

    def opened(username: str) -> Page:
        context = browser.new_context(
            base_url=service, locale="zh-CN", viewport={"width": 1280, "height": 900}
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        if username:
            page.goto("/sign-in")
            page.get_by_label("用户名").fill(username)
            page.get_by_label("口令").fill(PASSWORD)
            page.locator("main").get_by_role("button", name="登录").click()
            page.get_by_role("button", name="退出").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def look(page: Page, name: str) -> None:
    """Both languages: no accessibility fault, nothing wider than the window, a picture for people to look at."""
    page.wait_for_load_state()
    plain = re.sub(r"[?&]lang=..", "", page.url)
    for lang in ("en", "zh"):
        page.goto(f"{plain}{'&' if '?' in plain else '?'}lang={lang}")
        assert axe(page) == [], f"{name} {lang}"
        assert overflow(page) == 0, f"{name} {lang}"
        shot(page, f"{name}-{lang}")
