"""The page of hidden marks in a real browser, with columns that may be marked, in both languages and narrow."""

from __future__ import annotations

import pytest

from api.house import House
from tests.datasets.extracts.scene import VENUES
from tests.datasets.tracing.test_marks import AREA, allows, measured_scene
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


def test_the_page_of_marks_is_readable(sqlite_house: House, page_as: OpenPage) -> None:
    scene = measured_scene(sqlite_house, rows=20)
    allows(scene, AREA)
    for who, lang, width in (("steward_a", "zh", 1280), ("steward_a", "en", 390), ("analyst", "zh", 390)):
        page = page_as(who, f"/marks/{VENUES}", lang=lang, width=width)
        shot(page, f"marks-{who}-{lang}-{width}")
        assert axe(page) == []
        assert overflow(page) == 0
        page.close()
