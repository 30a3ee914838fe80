"""Signing in with a code, in a real browser: what is asked for is in sight at every width."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from api.house import House
from tests.conftest import TestClock
from tests.people import PASSWORD, a_person, an_org, code_of, enrolled
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
def test_whoever_has_a_second_factor_signs_in_with_its_code(
    open_page: OpenPage, sqlite_house: House, clock: TestClock, width: int
) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        a_person(work, "zhou", "bureau", ["approver"], password=PASSWORD)
    secret = enrolled(sqlite_house, "zhou").secret
    clock.forward(minutes=1)
    page = open_page("/sign-in", lang="en", width=width)
    page.get_by_label("User name").fill("zhou")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    code = page.get_by_label("Code or recovery code")
    expect(code).to_be_visible()
    shot(page, f"sign-in-code-{width}")
    assert axe(page) == []
    assert overflow(page) == 0
    code.fill(code_of(secret, clock.now))
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
