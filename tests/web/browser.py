"""A real Chromium for tests, as fixtures: `browser`, `site` (the app being served), `open_page`, `axe`, `shot`.

Skips where no Chromium is found, unless DATAGRANT_REQUIRE_BROWSER is set: then that is a failure.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

if TYPE_CHECKING:
    from fastapi import FastAPI
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response

    from api.house import House

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "test-artifacts"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
DIST = ROOT / "api" / "static" / "dist"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
]


def chromium() -> str | None:
    """The browser to drive: DATAGRANT_CHROMIUM, or the system's; None when there is none."""
    found = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return os.environ.get("DATAGRANT_CHROMIUM") or next(filter(None, found), None)


def _missing() -> str | None:
    if chromium() is None:
        return "no Chromium found: run `make browser`, or set DATAGRANT_CHROMIUM to its path"
    if not (DIST / "app.css").exists() or not AXE.exists():
        return "the page assets are not built: run `make assets`"
    return None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for the run."""
    if reason := _missing():
        if os.environ.get("DATAGRANT_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The app on a free local port, in a thread; gives its address."""
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def site(sqlite_house: House) -> Iterator[str]:
    """Address of the app over a fresh installation."""
    from tests.people import app_of

    with served(app_of(sqlite_house)) as address:
        yield address


OpenPage = Callable[..., "Page"]


@pytest.fixture
def open_page(browser: Browser, site: str, sqlite_house: House) -> Iterator[OpenPage]:
    """`open_page(path, user=…, lang=…, scheme=…, width=…, scripts=…)`: a page in a context of its own.

    `user`: who has signed in there (an account made by `tests.people`); nobody without it.

    The test fails at the end when a page logged an error: a refused style or script, an exception, a missing part.
    """
    contexts: list[BrowserContext] = []
    logged: list[str] = []

    def opened(
        path: str,
        *,
        user: str | None = None,
        lang: str = "zh",
        scheme: str = "light",
        width: int = 1280,
        scripts: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=site,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="zh-CN" if lang == "zh" else "en-GB",
            timezone_id="Asia/Shanghai",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        context.add_cookies([{"name": "dg_lang", "value": lang, "url": site}])
        if user:
            sign_in(context, sqlite_house, user, site)
        return arrived(context, path, logged, site)

    yield opened
    for context in contexts:
        context.close()
    assert logged == []


def arrived(context: BrowserContext, path: str, logged: list[str], site: str) -> Page:
    """A page that has loaded `path`.

    When the browser gives up waiting, the server is asked for what the browser still waits for. Does it not answer either, the
    test fails and tells what every thread is doing; does it answer, the browser had stalled and gets one more try.
    """
    from playwright.sync_api import TimeoutError as GaveUp

    page = context.new_page()
    _listen(page, logged)
    waiting: dict[str, None] = {}
    page.on("request", lambda asked: waiting.setdefault(asked.url))
    page.on("requestfinished", lambda asked: waiting.pop(asked.url, None))
    page.on("requestfailed", lambda asked: waiting.pop(asked.url, None))
    try:
        page.goto(path, wait_until="load")
    except GaveUp:
        stacks = _stacks()
        outstanding = list(waiting) or [site + path]
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in context.cookies(site))
        silent = [address for address in outstanding if not _answers(address, cookies)]
        told = f"waited for {outstanding}; of these the server does not answer {silent}\n{stacks}"
        if silent:
            pytest.fail(told)
        SHOTS.mkdir(exist_ok=True)
        with (SHOTS / "stalled.txt").open("a") as notes:
            notes.write(f"{path}: the browser stalled, the server did not: {told}\n")
        page.close()
        page = context.new_page()
        _listen(page, logged)
        page.goto(path, wait_until="load")
    return page


def _answers(address: str, cookies: str) -> bool:
    """Whether the server gives any answer to this request within ten seconds."""
    try:
        httpx2.get(address, headers={"Cookie": cookies}, timeout=10)
    except httpx2.HTTPError:
        return False
    return True


def _stacks() -> str:
    """What every thread of this process is doing now."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"{names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )


def _listen(page: Page, logged: list[str]) -> None:
    """Note what goes wrong inside a page. A page that is itself an error answer is not a fault of this kind."""

    def console(said: ConsoleMessage) -> None:
        if said.type == "error" and not said.text.startswith("Failed to load resource"):
            logged.append(f"{page.url}: {said.text}")

    def answered(response: Response) -> None:
        is_part = response.request.method == "GET" and not response.request.is_navigation_request()
        if response.status >= 400 and is_part:
            logged.append(f"{page.url}: {response.status} for {response.url}")

    page.on("console", console)
    page.on("response", answered)
    page.on("pageerror", lambda error: logged.append(f"{page.url}: {error}"))


def sign_in(context: BrowserContext, house: House, username: str, site: str) -> None:
    """Give the browser a session of this person; the form of the sign-in page has its own test."""
    from api.identity import SESSION_COOKIE
    from auth.identity import sessions
    from tests.people import actor_of

    with house.write() as work:
        opened = sessions.open_session(work, actor_of(work, username), ip="test", agent="test")
    context.add_cookies([{"name": SESSION_COOKIE, "value": opened.token, "url": site}])


@pytest.fixture
def page_as(open_page: OpenPage) -> OpenPage:
    """`page_as(username, path, …)`: a page where this person has signed in."""
    return lambda username, path="/", **how: open_page(path, user=username, **how)


def shot(page: Page, name: str) -> Path:
    """The whole page as a picture under test-artifacts/."""
    SHOTS.mkdir(exist_ok=True)
    path = SHOTS / f"{re.sub(r'[^0-9A-Za-z._-]+', '-', name)}.png"
    page.screenshot(path=path, full_page=True)
    return path


def axe(page: Page) -> list[str]:
    """Serious and critical accessibility faults of the page, one line each; empty is good."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']} ({fault['impact']}): {json.dumps(node['target'])} {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window; 0 is good."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return max(0, wider)
