"""A draft of an implementation plan, new or returned, is saved again on its page; nobody overwrites what he has not seen. On both databases."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from api.house import House
from auth.agreements import service
from auth.agreements.model import PLAN_SECTIONS, PlanBody
from auth.agreements.plan_workflow import Step
from auth.agreements.service import PlanRead
from auth.casework.book import CaseStep
from tests.auth.agreements.scene import MEETING, plan_body, with_planner
from tests.desk import Desk, a_desk
from tests.people import browser_as


@pytest.fixture
def desk(house: House) -> Desk:
    return with_planner(a_desk(house))


def _drafted(desk: Desk, **changes: Any) -> PlanRead:
    with desk.write("planner") as (work, actor):
        return service.draft_plan(work, actor, plan_body(**changes))


def _stepped(desk: Desk, who: str, plan: PlanRead, step: Step, note: str = "") -> PlanRead:
    with desk.write(who) as (work, actor):
        return service.step_plan(work, actor, plan.id, step, CaseStep(note=note))


def _stored(desk: Desk, plan: PlanRead) -> PlanRead:
    with desk.read("planner") as (work, actor):
        return service.plan(work, actor, plan.id)


def _filled_in(html: str) -> dict[str, str]:
    """What the form would send if nothing were changed."""
    form = html[html.index('class="form"') :]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        if name := re.search(r'name="([^"]+)"', tag):
            value = re.search(r'value="([^"]*)"', tag)
            found[unescape(name[1])] = unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.S):
        found[unescape(name)] = unescape(text).strip()
    return {name: value for name, value in found.items() if not name.startswith(("csrf", "_"))}


def test_a_returned_plan_is_saved_again_with_all_that_was_there(desk: Desk) -> None:
    sections = dict.fromkeys(PLAN_SECTIONS, "详见附件，已经论证") | {"annex-x": "另附一章"}
    plan = _drafted(desk, sections=sections)
    planner = browser_as(desk.house, "planner")
    edit = f"/plans/{plan.id}/edit"
    assert f'href="{edit}"' in planner.get(f"/plans/{plan.id}").text
    _stepped(desk, "planner", plan, Step.SUBMIT)
    assert f'href="{edit}"' not in planner.get(f"/plans/{plan.id}").text
    assert planner.get(edit).status_code == 409
    returned = _stepped(desk, "approver", plan, Step.RETURN, "选择条件写得不够清楚")
    assert f'href="{edit}"' in planner.get(f"/plans/{plan.id}").text
    form = _filled_in(planner.get(edit).text)
    assert form["version"] == str(returned.version)
    assert {name: form[f"meeting_{name}"] for name in MEETING} == MEETING
    done = planner.submit(f"/plans/{plan.id}/save", **form)
    assert (done.status_code, done.headers["location"]) == (303, f"/plans/{plan.id}")
    saved = _stored(desk, plan)
    assert (saved.body, saved.version, saved.state) == (returned.body, returned.version + 1, "DRAFT")
    form = _filled_in(planner.get(edit).text) | {
        "section-selection": "注册资本与业绩两项条件",
        "title": "方案改名",
    }
    assert planner.submit(f"/plans/{plan.id}/save", **form).status_code == 303
    saved = _stored(desk, plan)
    assert (saved.title, saved.body.sections["selection"]) == ("方案改名", "注册资本与业绩两项条件")
    assert saved.body.sections["annex-x"] == "另附一章"


def test_a_refused_form_keeps_what_was_typed(desk: Desk) -> None:
    plan = _drafted(desk)
    planner = browser_as(desk.house, "planner")
    form = _filled_in(planner.get(f"/plans/{plan.id}/edit").text)
    for wrong, status in (({"title": ""}, 422), ({"meeting_held_on": "昨天"}, 422), ({"version": "?"}, 422)):
        refused = planner.submit(f"/plans/{plan.id}/save", **(form | {"section-scope": "另写的范围"} | wrong))
        assert (refused.status_code, "另写的范围" in refused.text) == (status, True), wrong
    assert _stored(desk, plan) == plan


def test_a_change_in_between_is_not_overwritten(desk: Desk) -> None:
    plan = _drafted(desk)
    planner, approver = browser_as(desk.house, "planner"), browser_as(desk.house, "approver")
    form = _filled_in(planner.get(f"/plans/{plan.id}/edit").text)
    other = _filled_in(approver.get(f"/plans/{plan.id}/edit").text) | {"title": "他人先改的方案"}
    assert approver.submit(f"/plans/{plan.id}/save", **other).status_code == 303
    late = planner.submit(f"/plans/{plan.id}/save", **(form | {"section-scope": "后到的范围"}))
    assert (late.status_code, "已被他人修改" in late.text, "后到的范围" in late.text) == (412, True, True)
    assert _filled_in(late.text)["version"] == form["version"], "sent again it is refused again"
    assert _stored(desk, plan).title == "他人先改的方案"
    _stepped(desk, "planner", plan, Step.SUBMIT)
    after = planner.submit(f"/plans/{plan.id}/save", **(form | {"version": str(_stored(desk, plan).version)}))
    assert (after.status_code, _stored(desk, plan).title) == (409, "他人先改的方案")


def test_who_does_not_draft_is_refused(desk: Desk) -> None:
    plan = _drafted(desk)
    for who in ("officer", "analyst"):
        browser = browser_as(desk.house, who)
        assert browser.get(f"/plans/{plan.id}/edit").status_code in (403, 404)
        body = PlanBody(title="别人的").model_dump(mode="json")
        assert browser.submit(f"/plans/{plan.id}/save", title=body["title"], version="1").status_code in (
            403,
            404,
        )
    assert _stored(desk, plan) == plan
