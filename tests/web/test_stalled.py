"""What the page fixture does when a page does not come: a silent server fails the test, a stalled browser gets one more try."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from starlette.responses import HTMLResponse

from tests.web.browser import arrived, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Route

pytestmark = pytest.mark.browser
SILENT = threading.Event()


@pytest.fixture
def address() -> Iterator[str]:
    app = FastAPI()

    @app.get("/here")
    def here() -> HTMLResponse:
        return HTMLResponse("<h1>here</h1>")

    @app.get("/silent")
    def silent() -> HTMLResponse:
        SILENT.wait(60)
        return HTMLResponse("late")

    with served(app) as site:
        yield site
        SILENT.set()


@pytest.fixture
def impatient(browser: Browser, address: str) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=address)
    context.set_default_navigation_timeout(1_500)
    yield context
    context.close()


def test_a_server_that_says_nothing_fails_the_test_with_what_it_does(
    impatient: BrowserContext, address: str
) -> None:
    with pytest.raises(pytest.fail.Exception, match="does not answer") as told:
        arrived(impatient, "/silent", [], address)
    assert "SILENT.wait" in str(told.value)


def test_a_browser_that_stalled_tries_once_more(impatient: BrowserContext, address: str) -> None:
    swallowed: list[Route] = []

    def swallow_the_first(route: Route) -> None:
        if swallowed:
            route.continue_()
        else:
            swallowed.append(route)

    impatient.route("**/here", swallow_the_first)
    assert arrived(impatient, "/here", [], address).inner_text("h1") == "here"
    assert len(swallowed) == 1
