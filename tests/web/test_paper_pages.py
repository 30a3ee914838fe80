"""Papers, commitments and drafts by a clerk in a real Chromium: four people, both languages, a narrow window."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.house import House
from tests.api.test_applications import ASK, _post, house
from tests.auth.agreements.scene import in_force
from tests.auth.papers.test_papers import policy
from tests.desk import A_PDF, Desk
from tests.people import a_person, client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = [pytest.mark.browser, pytest.mark.slow]
__all__ = ["house"]  # the fixture


def test_a_clerk_drafts_the_enterprise_confirms_papers_follow_and_a_promise_breaks(
    house: House, page_as: OpenPage, tmp_path: Path
) -> None:
    with house.write() as work:
        for name, org, role in (
            ("clerk", "bureau", "clerk"),
            ("watch", "bureau", "security_officer"),
            ("steward_a", "traffic", "steward"),
        ):
            a_person(work, name, org, [role])
    in_force(Desk(house), policy())
    body = ASK | {"org_id": "insurer", "assisted_for": "王女士"}
    made = _post(client_as(house, "clerk"), "/applications/assisted", body)
    here, pdf = f"/applications/{made['id']}", tmp_path / "数据使用方案.pdf"
    pdf.write_bytes(A_PDF)

    clerk = page_as("clerk", here)
    expect(clerk.get_by_text("尚待申请人确认").first).to_be_visible()
    clerk.goto("/applications/new")
    expect(clerk.get_by_label(re.compile("为哪家企业起草"))).to_be_visible()
    assert axe(clerk) == []
    clerk.goto(f"{here}/papers")
    clerk.get_by_label("“使用方案”文件", exact=False).set_input_files(pdf)
    clerk.locator("form[action$='/plan/supply'] button").click()
    clerk.get_by_role("link", name="数据使用方案.pdf").wait_for()

    applicant = page_as("applicant", here, lang="en")
    applicant.get_by_role("button", name="Checked: confirm the draft").click()
    applicant.locator("#confirm [data-yes]").click()
    applicant.get_by_text("The applicant confirmed the content").wait_for()
    shot(applicant, "assisted-en")
    applicant.goto(f"{here}/check")
    assert (axe(applicant), overflow(applicant)) == ([], 0)
    applicant.get_by_role("button", name="Submit").click()
    applicant.wait_for_url(re.compile(f"{made['id']}$"))

    screener = page_as("screener", here)
    screener.get_by_label(re.compile("容缺“安全方案”")).fill("5")
    screener.get_by_label(re.compile("容缺“信用证明”")).fill("3")
    shot(screener, "screen-with-papers-missing-zh")
    screener.locator("#f-screen-conflict").check()
    screener.get_by_role("button", name="受理", exact=True).click()
    screener.get_by_text("缺 2 份材料").wait_for()
    assert (axe(screener), overflow(screener)) == ([], 0)

    officer = page_as("officer", f"{here}/papers", width=390)
    shot(officer, "papers-390-zh")
    assert (axe(officer), overflow(officer)) == ([], 0)
    officer.get_by_role("link", name="签署承诺代替材料").click()
    officer.get_by_label(re.compile("本人已阅读")).check()
    shot(officer, "commitment-390-zh")
    assert (axe(officer), overflow(officer)) == ([], 0)
    officer.get_by_role("button", name="签署承诺").click()
    officer.wait_for_url(re.compile("/papers$"))
    officer.get_by_role("link", name="查看签署的承诺").click()

    steward = page_as("steward_a", re.sub(r"https?://[^/]+", "", officer.url))
    steward.get_by_label("理由").fill("查询发现有处罚记录")
    steward.get_by_role("button", name="认定违背承诺").click()
    steward.locator("#confirm [data-yes]").click()
    expect(steward.locator("main").get_by_text("违背承诺").first).to_be_visible()
    shot(steward, "commitment-broken-zh")
    reviewer = page_as("screener", f"{here}/papers", lang="en")
    expect(reviewer.get_by_text("This organisation broke commitments: 1")).to_be_visible()
    assert (axe(reviewer), overflow(reviewer)) == ([], 0)
    shot(reviewer, "papers-en")
    reviewer.goto("/commitments")
    shot(reviewer, "commitments-en")
