"""In a real browser: what follows a broken commitment, what a decision must state, a product with its ticks, a plan of an extract."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from api.house import House
from auth.applications.workflow import State
from auth.products.rules import CHECKS
from auth.profile.model import shipped
from tests.auth.agreements.scene import in_force
from tests.auth.papers.test_papers import policy
from tests.auth.papers.test_suspensions import FOUND, a_breach, proposed, state_of
from tests.datasets.extracts.scene import a_scene
from tests.desk import a_desk, an_application
from tests.people import client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WINDOWS = (("zh", 1280), ("en", 390))
GENERIC = shipped()["generic-open-data"]


def _look(page: Page, name: str, *, at: str | None = None) -> None:
    """Both languages, wide and narrow: a picture, no accessibility fault, nothing beyond the window. `at`: loaded anew; else as it stands."""
    for lang, width in WINDOWS if at is not None else [(page.locator("html").get_attribute("lang"), 1280), ("", 390)]:  # fmt: skip
        page.set_viewport_size({"width": width, "height": 900})
        if at is not None:
            page.goto(f"{at}{'&' if '?' in at else '?'}lang={lang}")
        shot(page, f"{name}-{lang or 'same'}-{width}")
        assert (axe(page), overflow(page)) == ([], 0), (name, lang, width)


def test_a_security_officer_answers_a_proposal_to_suspend(sqlite_house: House, open_page: OpenPage) -> None:
    desk = a_desk(sqlite_house)
    in_force(desk, policy())
    page = open_page("/suspensions", user="watch")
    expect(page.get_by_text("没有暂停建议").first).to_be_visible()
    grant, _ = a_breach(desk)
    (waiting,) = proposed(desk)
    _look(page, "suspensions", at="/suspensions")
    at = f"/suspensions/{waiting.id}"
    page.goto(f"{at}?lang=zh")
    page.locator("form[action$='/dismiss'] button").last.click()
    if page.locator("#confirm [data-yes]").is_visible():
        page.locator("#confirm [data-yes]").click()
    expect(page.locator("main").get_by_text(FOUND).first).to_be_visible()
    assert state_of(desk, grant) == "ACTIVE", "no reason was given"
    _look(page, "suspension", at=at)
    page.goto(f"{at}?lang=zh")
    page.locator("form[action$='/suspend'] [name='note']").fill("承诺不实，先行暂停")
    page.locator("form[action$='/suspend'] button").last.click()
    if page.locator("#confirm [data-yes]").is_visible():
        page.locator("#confirm [data-yes]").click()
    page.wait_for_load_state()
    expect(page.locator("form[action$='/suspend']")).to_have_count(0)
    assert state_of(desk, grant) == "SUSPENDED"
    _look(page, "suspension-done", at=at)


def test_a_decision_states_its_principles_and_an_application_its_assessment(
    sqlite_house: House, open_page: OpenPage
) -> None:
    desk = a_scene(sqlite_house).desk
    in_force(desk, GENERIC.model_copy(update={"principles": True}))
    ask = {"scenario_id": "parking", "purposes": ["service-operation"]}
    found = an_application(desk, at=State.DECIDING, columns=["venue_id", "rooms"], **ask)
    at = f"/applications/{found.id}/decide"
    page = open_page(at, user="approver")
    page.locator("input[type=radio][value=approve]").check()
    page.get_by_label("公益优先").fill("短")
    page.get_by_label("本人与申请方不存在利益冲突").check()
    page.get_by_role("button", name="作出决定").click()
    page.locator("#confirm [data-yes]").click()
    expect(page.locator("main [role=alert]").first).to_be_visible()
    expect(page.get_by_label("公益优先")).to_have_value("短")
    expect(page.locator("input[type=radio][value=approve]")).to_be_checked()
    _look(page, "decide-refused")
    _look(page, "decide", at=at)
    in_force(desk, GENERIC.model_copy(update={"papers": shipped()["district-authorised-operation"].papers}))
    phone = {"name": "contact_phone", "reason": "同一联系人去重", "use": "pseudonymised"}
    personal = an_application(desk, at=State.DRAFT, columns=[phone], scenario_id="weather")
    page = open_page(f"/applications/{personal.id}/check", user="applicant")
    expect(page.locator("main").get_by_text("个人信息保护影响评估").first).to_be_visible()
    _look(page, "check-assessment", at=f"/applications/{personal.id}/check")


def test_a_product_its_ticks_and_the_plan_of_an_extract(sqlite_house: House, open_page: OpenPage) -> None:
    scene = a_scene(sqlite_house)
    page = open_page("/products/new", user="applicant")
    _look(page, "product-new", at="/products/new")
    body = {
        "name_zh": "区域风险指数", "name_en": "Risk index by area", "kind": "indicator", "summary": "按街道汇总", "scenario_id": "safety",
        "purpose": "risk-pricing", "unit": "times", "price_fen": 0, "sources": [{"grant_id": scene.grant_id}], "affirmed": list(CHECKS), "level": 2,
    }  # fmt: skip
    made = client_as(sqlite_house, "applicant").post("/api/v1/products", json=body).json()
    _look(page, "products", at="/products")
    _look(page, "product", at=f"/products/{made['id']}")
    links = {link.get_attribute("href") or "" for link in page.locator("main a[href^='/']").all()}
    answers = {path: page.request.get(path).status for path in sorted(links)}
    assert set(answers.values()) == {200}, answers
    page = open_page(f"/extracts/new?grant={scene.grant_id}", user="analyst")
    page.select_option('[name="column-0"]', "rooms")
    page.select_option('[name="op-0"]', "ge")
    page.fill('[name="value-0"]', "12")
    page.get_by_role("button", name="先看计划").click()
    expect(page.locator("main").get_by_text("行").first).to_be_visible()
    _look(page, "extract-plan")
