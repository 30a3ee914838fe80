"""Who is vouched for, the form, one vouching and the store with its backups: legible in both languages and on a narrow window."""

from __future__ import annotations

import pytest

from api.house import House
from tests.desk import a_desk
from tests.people import browser_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_they_are_legible(sqlite_house: House, open_page: OpenPage) -> None:
    a_desk(sqlite_house)
    officer = browser_as(sqlite_house, "officer")
    officer.get("/vouches/new")
    made = officer.submit("/vouches", username="analyst", until="2026-12-31", note="本部门分析员")
    assert made.status_code == 303, made.text
    pages = {"list": "/vouches", "new": "/vouches/new", "one": made.headers["location"]}
    faults = []
    for lang, width in (("zh", 1280), ("en", 390)):
        page = open_page("/", user="officer", lang=lang, width=width)
        for name, path in pages.items():
            answer = page.goto(path)
            shot(page, f"vouches-{name}-{lang}-{width}")
            found = (answer and answer.status, axe(page), overflow(page))
            faults.extend([] if found == (200, [], 0) else [(name, lang, found)])
    assert faults == []
