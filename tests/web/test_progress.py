"""A running job's page keeps itself up to date, and loads itself again when the job has ended."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from api.house import House
from core import jobs
from tests.people import a_person, an_org
from tests.web.browser import OpenPage

pytestmark = pytest.mark.browser


def test_progress_moves_by_itself_until_the_job_has_ended(page_as: OpenPage, sqlite_house: House) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", kind="implementing_body")
        account = a_person(work, "zhou", "bureau", ["steward"])
        job_id = jobs.ask_for(work, "probe", "batch/1", requested_by=account.id, org_id="bureau")

    def becomes(state: jobs.JobState, progress: float, said: str) -> None:
        with sqlite_house.write() as work:
            row = jobs.job(work, job_id)
            row.state, row.progress, row.message_zh = state, progress, said
            row.ended_at = work.now if state in jobs.FINAL else None
            work.db.add(row)

    page = page_as("zhou", f"/jobs/{job_id}")
    expect(page.locator(".job").get_by_text("排队中")).to_be_visible()
    becomes(jobs.JobState.RUNNING, 0.5, "已校验 500 行")
    page.get_by_text("已校验 500 行").wait_for(timeout=8000)
    expect(page.locator("#main progress")).to_have_attribute("value", "0.5")
    with page.expect_navigation(timeout=8000):
        becomes(jobs.JobState.DONE, 1.0, "全部完成")
    expect(page.get_by_text("全部完成")).to_be_visible()
    expect(page.locator("[hx-get]")).to_have_count(0)
