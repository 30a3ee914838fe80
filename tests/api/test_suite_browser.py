"""The suite's pages in a real browser: accessible and inside the window."""

from __future__ import annotations

import pytest

from api.house import House
from catalog.assets import asset
from quality import service
from quality.suite import Suite
from tests.catalog.records import a_dataset, a_department
from tests.people import actor_of
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser

RULES = [
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "lot_id"}},
    {
        "type": "expect_column_values_to_match_regex",
        "kwargs": {"column": "lot_id", "regex": r"^PK-\d{4}-[A-Z]{2,}$"},
        "severity": "warning",
    },
    {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "free_spaces", "value_set": list(range(40))},
        "severity": "info",
    },
]
PAGES = {
    "show": "/datasets/DP-PK-001/suite",
    "edit": "/datasets/DP-PK-001/suite/edit",
    "history": "/datasets/DP-PK-001/suite/history",
    "difference": "/datasets/DP-PK-001/suite/difference/1/2",
}  # fmt: skip


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        a_dataset(work, "DP-PK-001", "traffic")
    for number in (1, 3):
        with sqlite_house.write() as work:
            suite = Suite.from_data({"name": "停车场规则", "expectations": RULES[:number]})
            service.save_suite(
                work, actor_of(work, "traffic-steward"), asset(work, "DP-PK-001"), suite, f"第 {number} 次"
            )
    return sqlite_house


@pytest.mark.parametrize(
    ("lang", "scheme", "width"), [("zh", "light", 1280), ("en", "light", 1280), ("en", "dark", 390)]
)
def test_pages_are_accessible_and_fit_the_window(
    desk: House, open_page: OpenPage, lang: str, scheme: str, width: int
) -> None:
    for name, path in PAGES.items():
        page = open_page(path, user="traffic-steward", lang=lang, scheme=scheme, width=width)
        shot(page, f"suite-{name}-{lang}-{scheme}-{width}")
        assert axe(page) == [], name
        assert overflow(page) == 0, name
        page.close()
