"""Plans, agreements and profiles for tests, walked through the real services."""

from __future__ import annotations

from datetime import date
from typing import Any

from auth.agreements import service
from auth.agreements.model import PLAN_SECTIONS, AgreementBody, PlanBody
from auth.agreements.plan_workflow import Step as PlanStep
from auth.agreements.service import AgreementRead, PlanRead
from auth.agreements.workflow import Step
from auth.casework.book import CaseStep
from auth.profile import service as profiles
from auth.profile.model import Profile, shipped
from auth.profile.service import ProfileProposal, ProfileRead
from auth.profile.workflow import Step as ProfileStep
from tests.desk import Desk
from tests.people import a_person

MEETING = {"name": "局长办公会 2026 年第 3 次", "held_on": "2026-02-10", "minutes_sha256": "a" * 64}
DISTRICT = shipped()["district-authorised-operation"]


def with_planner(desk: Desk) -> Desk:
    """The desk with somebody at the bureau who drafts."""
    with desk.house.write() as work:
        a_person(work, "planner", "bureau", ["reviewer_business"])
    return desk


def plan_body(**changes: Any) -> PlanBody:
    body = {
        "title": "旅游数据授权运营实施方案",
        "sections": dict.fromkeys(PLAN_SECTIONS, "详见附件，已经论证"),
        "meeting": MEETING,
    }
    return PlanBody.model_validate(body | changes)


def agreement_body(plan_id: str = "", **changes: Any) -> AgreementBody:
    """Complete, for the insurer and scenario `safety`, two years from the tests' first day."""
    body: dict[str, Any] = {
        "title": "旅游安全授权运营协议", "plan_id": plan_id, "operator_id": "insurer", "scenarios": ["safety"], "purposes": ["risk-pricing"],
        "starts_on": date(2026, 3, 2), "ends_on": date(2028, 3, 1),
        "parties": [{"role": "implementing_body", "org_id": "bureau"}, {"role": "operator", "org_id": "insurer"}],
        "clauses": {clause.key: "按附件执行" for clause in DISTRICT.clauses}, "products": "旅游意外险评估", "selection": "open_tender",
        "selection_sha256": "b" * 64, "meeting": MEETING, "price_cap_fen": 100_000, "price_fen": 80_000,
    }  # fmt: skip
    return AgreementBody.model_validate(body | changes)


def an_approved_plan(desk: Desk, *, series: str = "", **changes: Any) -> PlanRead:
    with desk.write("planner") as (work, actor):
        made = service.draft_plan(work, actor, plan_body(**changes), series=series)
        service.step_plan(work, actor, made.id, PlanStep.SUBMIT, CaseStep())
    with desk.write("approver") as (work, actor):
        return service.step_plan(work, actor, made.id, PlanStep.APPROVE, CaseStep())


def an_agreement(desk: Desk, *, at: str = "ACTIVE", **changes: Any) -> AgreementRead:
    plan_id = changes.pop("plan_id", None) or an_approved_plan(desk).id
    with desk.write("planner") as (work, actor):
        made = service.draft(work, actor, agreement_body(plan_id, **changes))
        if at != "DRAFT":
            made = service.step(work, actor, made.id, Step.SUBMIT, CaseStep())
    if at != "ACTIVE":
        return made
    with desk.write("approver") as (work, actor):
        return service.step(work, actor, made.id, Step.ACTIVATE, CaseStep())


def in_force(desk: Desk, profile: Profile = DISTRICT) -> ProfileRead:
    """Put a profile in force by two people."""
    with desk.write("watch") as (work, actor):
        made = profiles.propose(work, actor, ProfileProposal(profile=profile, reason="按上级文件执行"))
    with desk.write("approver") as (work, actor):
        return profiles.step(work, actor, made.id, ProfileStep.CONFIRM, CaseStep())
