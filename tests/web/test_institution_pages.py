"""Incidents, duties, agreements and the policy profile in a real browser: readable, within their width, without faults for axe."""

from __future__ import annotations

from datetime import date

import pytest

from api.house import House
from auth.casework.book import CaseStep
from auth.consents import service as consents
from auth.consents.service import ConsentCreate
from auth.duties import service as duties
from auth.duties.service import DutyAnswer
from auth.grants import service as grants
from auth.grants.steps import GrantStep
from auth.openplan import service as openplan
from auth.openplan.service import TaskCreate
from auth.openplan.workflow import Step as PlanStep
from auth.profile.tables import ProfileRow
from auth.registrations import service as registrations
from auth.registrations.service import RegistrationCreate
from auth.reviews import service as reviews
from auth.reviews.service import CampaignOpen
from tests.auth.agreements.scene import an_agreement, in_force, with_planner
from tests.datasets.extracts.scene import a_scene
from tests.desk import PARKS, Desk, a_desk, a_grant
from tests.people import a_person, client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


def _registers(desk: Desk, grant_id: str) -> dict[str, tuple[str, str]]:
    """The pages of the registers, each with something to show."""
    with desk.house.write() as work:
        a_person(work, "cataloguer", "bureau", ["catalog_admin"])
    with desk.write("steward_a") as (work, actor):
        act = registrations.draft(
            work, actor, RegistrationCreate(dataset_id=PARKS.dataset_id), assets=desk.assets
        )
        paper = ConsentCreate(
            dataset_id=PARKS.dataset_id, provider="市交通运输局", signatory="李处长", consented_on=date(2026, 2, 20), starts_on=date(2026, 1, 1),
            ends_on=date(2028, 12, 31), evidence_name="同意函.pdf", evidence_sha256="c" * 64,
        )  # fmt: skip
        consent = consents.enter(work, actor, paper, assets=desk.assets)
    with desk.write("watch") as (work, actor):
        campaign = reviews.open_campaign(work, actor, CampaignOpen())
        look = reviews.evaluate(work, actor, grant_id)
    with desk.write("cataloguer") as (work, actor):
        body = TaskCreate(year=2026, title="开放停车场数据", department_id="parks", due_on=date(2026, 6, 30))
        openplan.step(work, actor, openplan.enter(work, actor, body).id, PlanStep.PUBLISH, CaseStep())
    return {
        "registers": ("watch", "/registers"), "registration": ("steward_a", f"/registrations/{act.id}"), "registrations": ("steward_a", "/registrations"),
        "consent": ("screener", f"/consents/{consent.id}"), "review": ("steward_a", f"/reviews/{look.id}"), "reviews": ("steward_a", "/reviews"),
        "campaign": ("watch", f"/campaigns/{campaign.id}"), "open-plan": ("cataloguer", "/open-plan"), "revenue": ("watch", "/revenue"),
        "supervision": ("watch", "/supervision"),
    }  # fmt: skip


def test_institutional_pages_are_readable_and_within_their_width(
    sqlite_house: House, page_as: OpenPage
) -> None:
    desk = with_planner(a_desk(sqlite_house))
    grant = a_grant(desk)
    registers = _registers(desk, grant.id)
    with desk.write("officer") as (work, actor):
        duties.report_early(work, actor, grant.id, DutyAnswer(text="用于旅游风险评估，未对外提供"))
    with desk.write("watch") as (work, actor):
        grants.revoke(work, actor, grant.id, GrantStep(note="违反使用约定"))
        owed = duties.duties(work, actor, standing="open")[0][0]
    body = {"target_kind": "organisation", "target_id": "insurer", "reason": "疑似超范围使用"}
    incident = client_as(sqlite_house, "watch").post("/api/v1/incidents", json=body).json()["id"]
    need = {"title": "充电桩分布", "need": "全区公共充电桩的位置与功率，每月更新"}
    demand = client_as(sqlite_house, "officer").post("/api/v1/demands", json=need).json()["id"]
    agreement, version = an_agreement(desk), in_force(desk)
    pages = {
        "incident": ("watch2", f"/incidents/{incident}"), "incident-new": ("watch", "/incidents/new"), "duty": ("officer", f"/duties/{owed.id}"),
        "duties": ("officer", "/duties"), "agreement": ("approver", f"/agreements/{agreement.id}"), "agreement-new": ("planner", "/agreements/new"),
        "register-agreements": ("planner", "/register/agreements"),
        "demand": ("planner", f"/demands/{demand}"), "demands": ("planner", "/demands"), "demand-new": ("officer", "/demands/new"),
        "profile": ("approver", "/profile"), "profile-new": ("approver", "/profile/new"), "profile-version": ("approver", f"/profile/{version.id}"), "organisation": ("watch", "/admin/organisations/insurer"),
    } | registers  # fmt: skip
    faults: dict[str, object] = {}
    for name, (who, path) in pages.items():
        for lang, width in (("zh", 1280), ("en", 390)):
            page = page_as(who, path, lang=lang, width=width)
            shot(page, f"institution-{name}-{lang}-{width}")
            if found := axe(page) + ([f"{wider} px too wide"] if (wider := overflow(page)) else []):
                faults[f"{name} {lang} {width}"] = found
            page.context.close()
    assert faults == {}


def test_columns_that_are_to_go_are_ticked_with_the_keyboard(sqlite_house: House, page_as: OpenPage) -> None:
    scene = a_scene(sqlite_house)
    scene.delivered(columns=["venue_id", "rooms"])
    with scene.desk.write("watch") as (work, actor):
        reviews.open_campaign(work, actor, CampaignOpen())
        look = reviews.reviews(work, actor)[0][0]
    for lang, width, title, box in (
        ("zh", 1280, "列venue_name", "列venue_name venue_name · 从未读取"),
        ("en", 390, "Venue_name", "Venue_name venue_name · never read"),
    ):
        page = page_as("steward_a", f"/reviews/{look.id}", lang=lang, width=width)
        form = page.locator(f'form[action="/reviews/{look.id}/narrow"]')
        ticked = {
            each.get_attribute("value"): each.is_checked() for each in form.get_by_role("checkbox").all()
        }
        assert {name for name, is_ticked in ticked.items() if is_ticked} == set(ticked) - {
            "venue_id",
            "rooms",
        }
        venue_id, venue_name = form.locator('[value="venue_id"]'), form.get_by_role("checkbox", name=box)
        assert form.get_by_role("checkbox", name=title).count() == 1
        venue_id.focus()
        page.keyboard.press("Tab")
        assert venue_name.evaluate("each => each === document.activeElement")
        page.keyboard.press("Space")
        assert not venue_name.is_checked()
        shot(page, f"institution-columns-to-go-{lang}-{width}")
        assert (axe(page), overflow(page)) == ([], 0)
        form.locator("textarea").fill("从未读取的列予以收回")
        if lang == "en":
            form.get_by_role("button").press("Enter")
            page.wait_for_load_state()
        page.context.close()
    with scene.desk.read("steward_a") as (work, actor):
        gone = reviews.review(work, actor, look.id).columns
    assert set(gone) == set(ticked) - {"venue_id", "rooms", "venue_name"}


def test_days_of_reminding_and_clocks_are_set_in_the_form(sqlite_house: House, page_as: OpenPage) -> None:
    """Typed, refused with the field marked and nothing lost, mended, proposed, confirmed by the other person, shown in force."""
    a_desk(sqlite_house)
    page = page_as("watch", "/profile/new")
    number = page.locator('input[name="numbers.extension_working_days"]')
    assert (number.get_attribute("min"), number.get_attribute("max")) == ("1", "60")
    number.fill("10")
    page.locator('input[name="source.extension_working_days"]').fill("局办公会纪要 12 号")
    days = page.locator('input[name="reminders.papers"]')
    assert days.input_value() == "3, 1"
    days.fill("1, 5")
    page.locator('input[name="reminders_source.papers"]').fill("局办公会纪要 12 号")
    page.get_by_label("理由", exact=False).last.fill("补交材料须提早提醒")
    page.locator(
        'form[action="/profile"] button[type="submit"], form[action="/profile"] .actions button'
    ).last.click()
    marked = page.locator('input[name="reminders.papers"]')
    assert marked.get_attribute("aria-invalid") == "true"
    assert (
        marked.input_value(),
        page.locator('input[name="numbers.extension_working_days"]').input_value(),
    ) == ("1, 5", "10")
    assert "提醒日须由多到少" in page.inner_text("main")
    axe(page)
    assert overflow(page) <= 1
    shot(page, "profile-reminders-refused")
    marked.fill("5、1")
    page.locator('form[action="/profile"] .actions button').last.click()
    page.wait_for_url("**/profile/*-*")
    told = page.inner_text("main")
    for words in (
        "材料补交期限前提醒",
        "3、1 日前",
        "5、1 日前",
        "每一环节延期合计上限",
        "10 个工作日",
        "试运行：时限与提醒",
        "将发出的提醒",
    ):
        assert words in told, words
    axe(page)
    assert overflow(page) <= 1
    shot(page, "profile-reminders")
    version = page.url.rsplit("/", 1)[1]
    with sqlite_house.read() as work:
        row = work.db.get_one(ProfileRow, version)
    answer = client_as(sqlite_house, "approver").post(
        f"/api/v1/profile/versions/{version}/confirm", json={"version": row.version}
    )
    assert answer.status_code == 200, answer.text
    clocks = page_as("screener", "/clocks")
    clocks.get_by_text("时限从何而来").click()
    told = clocks.inner_text("main")
    for words in ("5、1 日前", "局办公会纪要 12 号", "超期后上报：局领导"):
        assert words in told, words
    axe(clocks)
    assert overflow(clocks) <= 1
    shot(clocks, "clocks-sources")
