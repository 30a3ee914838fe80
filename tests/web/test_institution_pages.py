"""Incidents, duties, agreements and the policy profile in a real browser: readable, within their width, without faults for axe."""

from __future__ import annotations

import pytest

from api.house import House
from auth.duties import service as duties
from auth.duties.service import DutyAnswer
from auth.grants import service as grants
from auth.grants.service import GrantStep
from tests.auth.agreements.scene import an_agreement, in_force, with_planner
from tests.desk import a_desk, a_grant
from tests.people import client_as
from tests.web.browser import OpenPage, axe, overflow, shot

pytestmark = pytest.mark.browser


def test_institutional_pages_are_readable_and_within_their_width(
    sqlite_house: House, page_as: OpenPage
) -> None:
    desk = with_planner(a_desk(sqlite_house))
    grant = a_grant(desk)
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
        "demand": ("planner", f"/demands/{demand}"), "demands": ("planner", "/demands"), "demand-new": ("officer", "/demands/new"),
        "profile": ("approver", "/profile"), "profile-version": ("approver", f"/profile/{version.id}"), "organisation": ("watch", "/admin/organisations/insurer"),
    }  # fmt: skip
    faults: dict[str, object] = {}
    for name, (who, path) in pages.items():
        for lang, width in (("zh", 1280), ("en", 390)):
            page = page_as(who, path, lang=lang, width=width)
            shot(page, f"institution-{name}-{lang}-{width}")
            if found := axe(page) + ([f"{wider} px too wide"] if (wider := overflow(page)) else []):
                faults[f"{name} {lang} {width}"] = found
            page.context.close()
    assert faults == {}
