"""The pages of sign-in, own account and administration in a real browser: usable, legible, nothing refused by the page policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from api.house import House
from tests.people import PASSWORD, a_person, an_org
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


@pytest.fixture
def peopled(sqlite_house: House) -> House:
    from core.text import Text

    with sqlite_house.write() as work:
        an_org(
            work,
            "bureau",
            "implementing_body",
            name=Text("政务服务和数据管理局", "Government Services and Data Bureau"),
        )
        an_org(work, "insurer", name=Text("海湾财产保险有限公司", "Haiwan Property Insurance"))
        an_org(
            work,
            "mapfirm",
            "developer",
            licence="SUSPENDED",
            name=Text("鹏图地图科技有限公司", "Pengtu Maps"),
        )
        a_person(work, "admin", "bureau", roles=["sysadmin"], password=PASSWORD)
        a_person(work, "wang", "insurer", ["applicant", "analyst"], password=PASSWORD)
    return sqlite_house


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_are_clean_and_accessible(peopled: House, open_page: OpenPage, lang: str) -> None:
    seen = {
        "sign-in": ("/sign-in", None), "me": ("/me", "wang"), "admin-users": ("/admin/users", "admin"),
        "admin-user": ("/admin/users/wang", "admin"), "admin-user-new": ("/admin/users/new", "admin"),
        "admin-organisations": ("/admin/organisations", "admin"),
        "admin-organisation": ("/admin/organisations/mapfirm", "admin"),
        "admin-organisation-new": ("/admin/organisations/new", "admin"),
    }  # fmt: skip
    for name, (path, user) in seen.items():
        page = open_page(path, user=user, lang=lang)
        shot(page, f"{name}-{lang}")
        assert axe(page) == [], name
        assert overflow(page) == 0, name


def test_person_signs_in_makes_a_key_and_signs_out_with_the_keyboard(
    peopled: House, open_page: OpenPage
) -> None:
    page = open_page("/me", lang="en")
    assert "/sign-in?next=/me" in page.url.replace("%2F", "/")
    page.get_by_label("User name").fill("wang")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me")
    page.get_by_label("What it is for").fill("nightly")
    page.get_by_role("button", name="Make key").click()
    key = page.locator("#made-key").inner_text()
    assert key.startswith("pda_")
    page.reload()
    page.goto("/me")
    expect(page.locator("#made-key")).to_have_count(0)
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.get_by_role("link", name="Sign in").first.wait_for()
