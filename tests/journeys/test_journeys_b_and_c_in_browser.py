"""Journeys B and C as people play them in a real browser: an insurer's year with shared data of level 3, and how it ends.

B: applied for, refused by the pre-check for want of the source's consent; consent, a paper promised, accepted with papers to follow, two
reviews, two approvers of different departments, signed, in force; an extract reviewed by two people before it leaves, no group below ten;
ten months later the reminder. C: the use is stopped in one step, keys and files are dead, what was taken is listed, the grant is revoked,
copies are certified destroyed, the year's disclosure says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from api.house import open_house
from api.sample import agreements, journeys
from api.sample.catalogue import dataset
from api.sample.journeys import JOURNEY_B
from api.sample.papers import blank_pdf
from api.sample.people import seed_people
from api.sample.stage import stage
from api.worker import ensure_worker
from auth.deadlines import note_due
from auth.policy.filters.rules import LOCAL
from core.settings import Settings
from tests.journeys.stagehands import SignIn, look, sign_in
from tests.web.browser import served

pytestmark = [pytest.mark.browser, pytest.mark.gx, pytest.mark.slow]
__all__ = ["sign_in"]  # the fixture
ITEM = dataset(JOURNEY_B)
ASKED = {
    "event_type": ("区分险种责任", "plain"),
    "grid_code": ("评估空间风险", "pseudonymised"),
    "response_min": ("评估救援能力", "plain"),
}
PURPOSE = "为滨海旅游意外险评估分时段、分区域风险并据此定价，不识别任何个人。"


@dataclass
class Played:
    """What journey B leaves for journey C."""

    application: str = ""
    grant: str = ""
    extract: str = ""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(data_dir=tmp_path_factory.mktemp("journeys") / "data", demo=True)


@pytest.fixture(scope="module")
def service(settings: Settings) -> Iterator[str]:
    """A running service with its own worker; the dataset came by sharing and is released, plan, agreement and policy are in force."""
    from api.app import create_app

    house = open_house(settings)
    seed_people(house)
    ensure_worker(settings.data_dir)
    shared = {"origin": "shared", "shared_from": "市级应急指挥平台（示例）"}
    item = replace(ITEM, record={**ITEM.record, **shared})
    with stage(house, lambda _who, _what: None) as scene:
        journeys.enter(scene, item)
        journeys.release(scene, item)
        agreements.conclude(scene)
    house.engine.dispose()
    with served(create_app(settings)) as address:
        yield address


@pytest.fixture(scope="module")
def played() -> Played:
    return Played()


def _yes(page: Page) -> None:
    page.locator("#confirm [data-yes]").click()


def _main(page: Page, text: str) -> None:
    expect(page.locator("main").get_by_text(text).first).to_be_visible(timeout=30_000)


def _filled_in(page: Page, today: datetime) -> str:
    """The applicant's three steps; gives the application's address."""
    page.goto(f"/applications/new?dataset={JOURNEY_B}")
    page.get_by_role("button", name="下一步：选列").click()
    page.wait_for_url("**/columns")
    for name, (reason, use) in ASKED.items():
        page.locator(f"#p-0-{name}").check()
        page.locator(f"#f-reason-0-{name}").fill(reason)
        page.locator(f"#f-use-0-{name}").select_option(use)
    page.locator("input[name='forms-0'][value='extract_parquet']").check()
    page.locator("#f-extracts-0").fill("12")
    page.get_by_role("button", name="下一步：用途与期限").click()
    page.wait_for_url("**/purpose")
    page.get_by_label("场景", exact=False).first.select_option("safety")
    page.locator("input[name='purposes'][value='risk-pricing']").check()
    page.locator("#f-purpose_text").fill(PURPOSE)
    page.locator("#f-starts_on").fill(today.date().isoformat())
    page.locator("#f-ends_on").fill((today.date() + timedelta(days=364)).isoformat())
    page.locator("#f-retention_days").fill("365")
    page.get_by_role("button", name="下一步：预检").click()
    page.wait_for_url("**/check")
    return re.sub(r"/check.*", "", page.url)


def _supply(page: Page, at: str, key: str, file: Path) -> None:
    page.goto(f"{at}/papers")
    page.locator(f"#f-file-{key}").set_input_files(file)
    page.locator(f"form[action$='/{key}/supply'] button").click()
    _main(page, "材料已提交。")


def _promise(page: Page, at: str, key: str) -> None:
    page.goto(f"{at}/papers/{key}/commitment")
    page.get_by_label(re.compile("本人已阅读")).check()
    page.get_by_role("button", name="签署承诺").click()
    _main(page, "承诺已签署")


def _consent(entering: Page, checking: Page, today: datetime) -> None:
    entering.goto(f"/consents/new?dataset={JOURNEY_B}")
    day = today.date()
    for label, value in (
        ("提供单位", "市级应急指挥平台（示例）"), ("签署人", "程示例"), ("同意日期", day.isoformat()), ("同意期起", day.isoformat()),
        ("同意期止（含）", (day + timedelta(days=730)).isoformat()), ("同意文件名称", "同意函.pdf"), ("同意文件 SHA-256", "c" * 64),
    ):  # fmt: skip
        entering.get_by_label(label, exact=False).first.fill(value)
    entering.get_by_role("button", name="登记", exact=True).click()
    _main(entering, "待核对")
    checking.goto(entering.url)
    checking.get_by_role("button", name="核对无误").click()
    _main(checking, "已确认")


def _voted(page: Page, at: str) -> None:
    page.goto(f"{at}/review")
    page.locator("input[type=radio][value=approve]").check()
    page.get_by_label("本人与申请方不存在利益冲突").check()
    page.get_by_role("button", name="提交意见").click()
    page.wait_for_url(re.compile(r"/applications/[0-9a-f-]{36}$"))


def test_eleven_people_play_journey_b(
    sign_in: SignIn, settings: Settings, played: Played, tmp_path: Path
) -> None:
    today = datetime.now(LOCAL)  # noqa: TID251 - the service runs by the real clock
    pdf = tmp_path / "材料（示例）.pdf"
    pdf.write_bytes(blank_pdf("材料（示例）"))
    applicant = sign_in("insurer-applicant")
    at = played.application = _filled_in(applicant, today)
    _main(applicant, "缺材料“数据使用方案”")
    expect(applicant.locator("main").get_by_text(re.compile("共享.*同意|提供单位")).first).to_be_visible()
    expect(applicant.get_by_role("button", name="提交申请")).to_be_disabled()
    look(applicant, "journey-b-precheck")

    reviewer = sign_in("emergency-review")
    _consent(sign_in("emergency-prepare"), reviewer, today)
    _supply(applicant, at, "use-plan", pdf)
    _supply(applicant, at, "impact-assessment", pdf)
    officer = sign_in("insurer-officer")
    _promise(officer, at, "no-breach-statement")
    applicant.goto(f"{at}/check")
    applicant.get_by_role("button", name="提交申请").click()
    _main(applicant, "待受理")

    reviewer.goto(at)
    reviewer.get_by_label(re.compile("容缺“数据安全保护方案”")).fill("10")
    reviewer.get_by_label(re.compile("容缺“网络安全等级保护测评报告”")).fill("20")
    reviewer.locator("#f-screen-conflict").check()
    reviewer.get_by_role("button", name="受理", exact=True).click()
    _main(reviewer, "缺 2 份材料")
    look(reviewer, "journey-b-accepted-with-papers-to-follow")
    _voted(reviewer, at)
    _voted(sign_in("security"), at)

    approver = sign_in("approver")
    approver.goto(f"{at}/decide")
    _main(approver, "尚未补交")
    _supply(applicant, at, "security-plan", pdf)
    _promise(officer, at, "protection-assessment")
    approver.goto(f"{at}/decide")
    look(approver, "journey-b-decide")
    approver.locator("input[type=radio][value=approve]").check()
    approver.get_by_label("公益优先").fill("有助于游客得到保障")
    approver.get_by_label("公平公正").fill("同类保险机构按同样条件均可申请")
    approver.get_by_label("本人与申请方不存在利益冲突").check()
    approver.get_by_role("button", name="作出决定").click()
    _yes(approver)
    _main(approver, "拟定的决定")
    second = sign_in("emergency-approve")
    second.goto(at)
    second.get_by_label("本人与申请方不存在利益冲突").check()
    second.get_by_role("button", name="同意并签字").click()
    _yes(second)
    _main(second, "待签约")

    officer.goto(f"{at}/terms")
    look(officer, "journey-b-terms")
    officer.get_by_label(re.compile("本人已阅读")).check()
    officer.get_by_role("button", name="接受条款").click()
    officer.locator("main a[href^='/grants/']").first.click()
    officer.wait_for_url(re.compile(r"/grants/[0-9a-f-]{36}"))
    played.grant = officer.url.split("?")[0]
    steward = sign_in("emergency-publish")
    steward.goto(played.grant)
    steward.get_by_role("button", name="生效").click()
    _main(steward, "此刻有效。")

    analyst = sign_in("insurer-analyst")
    analyst.goto(f"/extracts/new?grant={played.grant.rsplit('/', 1)[1]}")
    analyst.get_by_role("button", name="提交提取").click()
    analyst.wait_for_url(re.compile(r"/extracts/[0-9a-f-]{36}"))
    played.extract = analyst.url.split("?")[0]
    expect(analyst.locator(".job[hx-get]")).to_have_count(0, timeout=120_000)
    for name in ("checker", "checker2"):
        checker = sign_in(name)
        checker.goto("/outputs")
        checker.locator("main tbody a").first.click()
        checker.locator("#f-note-release").fill("逐列核对：无直接标识，分组均满十行，与用途相符")
        checker.get_by_role("button", name="准予出域").click()
        _yes(checker)
        expect(checker.get_by_text(re.compile("已记下您的意见|已放行")).first).to_be_visible(timeout=30_000)
    analyst.goto(played.extract)
    with analyst.expect_download() as taken:
        analyst.get_by_role("link", name="下载文件").click()
    frame = pd.read_parquet(taken.value.path())
    assert set(frame.columns) == set(ASKED)
    assert frame.groupby(["event_type", "grid_code"]).size().min() >= 10
    with analyst.expect_download() as receipt:
        analyst.get_by_role("link", name="下载回执").click()
    assert json.loads(receipt.value.path().read_text(encoding="utf-8"))["rows"] == len(frame)
    look(analyst, "journey-b-extract")

    later = open_house(settings, clock=lambda: datetime.now(LOCAL) + timedelta(days=310))  # noqa: TID251
    with later.write() as work:
        note_due(work)
    later.engine.dispose()
    officer.goto("/me/messages")
    _main(officer, "授权即将到期")
    look(officer, "journey-b-reminder")


def test_four_people_play_journey_c(sign_in: SignIn, played: Played) -> None:
    if not played.extract:
        pytest.skip("journey B did not come to its end")
    watch, analyst = sign_in("officer"), sign_in("insurer-analyst")
    watch.goto(played.grant)
    watch.get_by_role("link", name="应急冻结").click()
    watch.locator("[name='reason']").fill("疑似超出授权用途使用")
    watch.locator("form[action^='/incidents'] button").click()
    with watch.expect_navigation():
        _yes(watch)
    _main(watch, "冻结")
    watch.goto(played.grant)
    look(watch, "journey-c-frozen")
    analyst.goto(played.extract)
    _main(analyst, "现在不能下载")
    assert analyst.request.get(f"{played.extract}/file").status == 403

    watch.goto(f"/usage?grant={played.grant.rsplit('/', 1)[1]}")
    expect(watch.locator("main tbody tr", has_text="下载").filter(has_text="张示例").first).to_be_visible()
    look(watch, "journey-c-what-was-taken")
    watch.goto(played.grant)
    watch.locator("#f-note-revoke").fill("超出授权用途，予以撤销")
    watch.get_by_role("button", name="撤销").click()
    _yes(watch)
    _main(watch, "已撤销")

    officer = sign_in("insurer-officer")
    officer.goto("/duties")
    officer.locator("main tbody tr", has_text="销毁证明").get_by_role("link").first.click()
    officer.locator("[name='text']").fill("全部副本已销毁，附销毁记录")
    officer.locator("[name='attachments']").fill(f"{'c' * 64} 销毁证明.pdf")
    officer.locator("form[action$='/fulfil'] button").click()
    _main(officer, "已履行")
    look(officer, "journey-c-destroyed")

    auditor = sign_in("auditor")
    auditor.goto(f"/disclosure/{datetime.now(LOCAL).year}")  # noqa: TID251
    expect(auditor.locator("main").get_by_text(played.grant.rsplit("/", 1)[1][:13]).first).to_be_visible()
    look(auditor, "journey-c-disclosure")
