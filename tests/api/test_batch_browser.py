"""The pages of batches, releases and jobs in a real browser: accessible, inside the window, and usable to the end."""

from __future__ import annotations

import pytest

from api.durable import drain
from api.house import House
from tests.datasets.parking import (
    CLEAN,
    FAILS,
    UNTYPED,
    WARNS,
    a_parking_dataset,
    hand_in,
    publish,
    the_batch,
)
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.gx]


@pytest.fixture
def pages(sqlite_house: House) -> dict[str, str]:
    """Every page in a telling state."""
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    failed = hand_in(sqlite_house, "lin", FAILS)
    passed = hand_in(sqlite_house, "lin", CLEAN)
    release = publish(sqlite_house, "zhou", passed.id)
    found = {
        "failed": f"/batches/{failed.id}",
        "untyped": f"/batches/{hand_in(sqlite_house, 'lin', UNTYPED).id}",
        "warned": f"/batches/{hand_in(sqlite_house, 'lin', WARNS).id}",
        "release": f"/releases/{release.id}",
        "correct": f"/batches/new?corrects={failed.id}",
    }
    waiting = hand_in(sqlite_house, "lin", CLEAN, check=False, again=True)
    return found | {
        "running": f"/batches/{waiting.id}",
        "job": f"/jobs/{waiting.job_id}",
        "batches": "/batches",
        "new": "/batches/new",
        "releases": "/releases",
        "jobs": "/jobs",
    }


@pytest.mark.parametrize(
    ("lang", "scheme", "width"), [("zh", "light", 1280), ("en", "light", 1280), ("en", "dark", 390)]
)
def test_pages_are_accessible_and_fit_the_window(
    pages: dict[str, str], open_page: OpenPage, lang: str, scheme: str, width: int
) -> None:
    for name, path in pages.items():
        page = open_page(path, user="zhou", lang=lang, scheme=scheme, width=width)
        shot(page, f"gate-{name}-{lang}-{scheme}-{width}")
        assert axe(page) == [], name
        assert overflow(page) == 0, name


def test_a_running_batch_shows_its_verdict_by_itself(
    pages: dict[str, str], open_page: OpenPage, sqlite_house: House
) -> None:
    page = open_page(pages["running"], user="lin", lang="zh")
    page.wait_for_selector(".job")
    drain(sqlite_house)
    page.wait_for_selector("#verdict", timeout=15_000)
    assert the_batch(sqlite_house, pages["running"].rsplit("/", 1)[1]).state == "passed"
