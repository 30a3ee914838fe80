"""Grants hang on an agreement where the profile asks for it; agreements and profiles need two people and say what is missing."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from typer.testing import CliRunner

from api.cli.org import app as org_commands
from api.house import House
from auth.agreements import rules, service
from auth.agreements.model import Mode
from auth.agreements.plan_workflow import Step as PlanStep
from auth.agreements.rules import Covering, covers
from auth.agreements.workflow import FINAL, State, Step, advance
from auth.applications import service as applications
from auth.applications.workflow import State as ApplicationState
from auth.casework.book import CaseStep
from auth.grants import activating, reading, usage
from auth.grants.steps import GrantStep
from auth.grants.tables import GrantRow
from auth.profile import service as profiles
from auth.profile.model import Profile, shipped
from auth.profile.now import limits_now, profile
from auth.profile.service import ProfileProposal
from auth.profile.workflow import Step as ProfileStep
from auth.roles import Role
from core.errors import AccessRefused, Conflict, NotFound, TransitionRefused
from tests.auth.agreements.scene import (
    DISTRICT,
    agreement_body,
    an_agreement,
    an_approved_plan,
    in_force,
    plan_body,
    with_planner,
)
from tests.conftest import TestClock
from tests.desk import PARKS, RESCUES, Desk, a_desk, a_grant, an_application, submitted, with_papers
from tests.people import a_person, browser_as, client_as


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return with_planner(a_desk(sqlite_house))


def _codes(found: Any) -> set[str]:
    return {reason.code for reason in found}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"meeting": {}}, "no-collective-decision"), ({"ends_on": date(2031, 3, 2)}, "agreement-too-long"), ({"ends_on": date(2026, 3, 1)}, "period-reversed"),
        ({"scenarios": []}, "no-scenarios"), ({"scenarios": ["nothing"]}, "code-unknown"), ({"selection": None}, "selection-missing"),
        ({"selection_sha256": ""}, "selection-missing"), ({"clauses": {"scope": "x"}}, "clause-missing"), ({"parties": []}, "parties-wrong"),
        ({"parties": [{"role": "implementing_body", "org_id": "bureau"}, {"role": "operator", "org_id": "insurer"}, {"role": "developer", "org_id": "insurer"}]}, "operator-develops"),
        ({"purposes": ["public-benefit"]}, "public-is-free"), ({"price_cap_fen": None}, "no-price-cap"), ({"price_fen": 100_001}, "price-above-cap"),
    ],
)  # fmt: skip
def test_each_requirement_of_an_agreement_is_named(changes: dict[str, Any], code: str) -> None:
    assert rules.agreement_objections(agreement_body(), plan_approved=True, profile=DISTRICT) == ()
    found = rules.agreement_objections(agreement_body(**changes), plan_approved=True, profile=DISTRICT)
    assert _codes(found) == {code}
    assert all(reason.basis.startswith("R") and reason.text.en for reason in found)
    assert "no-approved-plan" in _codes(
        rules.agreement_objections(agreement_body(), plan_approved=False, profile=DISTRICT)
    )


def test_five_years_to_the_day_a_price_at_its_cap_and_free_public_use_stand() -> None:
    for changes in (
        {"ends_on": date(2031, 3, 1)},
        {"purposes": ["public-benefit"], "price_fen": 0},
        {"purposes": ["public-benefit", "risk-pricing"]},
        {"price_fen": 100_000},
    ):
        assert (
            rules.agreement_objections(agreement_body(**changes), plan_approved=True, profile=DISTRICT) == ()
        )


def test_who_drafted_does_not_approve_and_an_unapproved_plan_carries_nothing(desk: Desk) -> None:
    with desk.write("approver") as (work, actor):
        own = service.draft_plan(work, actor, plan_body())
        service.step_plan(work, actor, own.id, PlanStep.SUBMIT, CaseStep())
        with pytest.raises(AccessRefused) as refused:
            service.step_plan(work, actor, own.id, PlanStep.APPROVE, CaseStep())
    assert _codes(refused.value.reasons) == {"drafter-does-not-approve"}
    with pytest.raises(AccessRefused) as refused:
        an_agreement(desk, plan_id=own.id)
    assert _codes(refused.value.reasons) == {"no-approved-plan"}
    with desk.write("planner") as (work, actor):
        poor = service.draft_plan(work, actor, plan_body(sections={}, meeting={}))
        with pytest.raises(AccessRefused) as refused:
            service.step_plan(work, actor, poor.id, PlanStep.SUBMIT, CaseStep())
    assert _codes(refused.value.reasons) == {"plan-incomplete", "no-collective-decision"}
    with desk.write("screener") as (work, actor), pytest.raises(AccessRefused):
        service.draft_plan(work, actor, plan_body())


def test_a_new_version_supersedes_the_plan_before_it(desk: Desk) -> None:
    first = an_approved_plan(desk)
    second = an_approved_plan(desk, series=first.series)
    with desk.read("auditor") as (work, actor):
        assert [(p.number, p.state) for p in service.plans(work, actor)[0]] == [
            (2, "APPROVED"),
            (1, "SUPERSEDED"),
        ]
    assert second.series == first.series


def test_the_generic_profile_asks_for_no_agreement(desk: Desk) -> None:
    assert submitted(desk, an_application(desk, at=ApplicationState.DRAFT)).state == "SUBMITTED"


def test_an_agreement_covers_its_scenarios_within_its_period_and_ends_by_itself(
    desk: Desk, clock: TestClock
) -> None:
    in_force(desk)
    draft = an_application(desk, at=ApplicationState.DRAFT)
    with_papers(desk, draft)

    def said() -> set[str]:
        with desk.read("applicant") as (work, actor):
            return _codes(applications.precheck(work, actor, draft.id, assets=desk.assets).blocking)

    assert said() == {"no-active-agreement"}
    with pytest.raises(AccessRefused):
        submitted(desk, draft)
    other = an_agreement(desk, scenarios=["parking"])
    assert said() == {"outside-agreement"}
    agreed = an_agreement(desk, plan_id=other.plan_id)
    assert said() == set()
    with desk.write("approver") as (work, actor):
        ended = service.step(work, actor, agreed.id, Step.TERMINATE, CaseStep(note="运营机构违约，终止"))
    assert (ended.state, ended.is_in_force, said()) == ("TERMINATED", False, {"outside-agreement"})
    short = an_agreement(desk, plan_id=other.plan_id, ends_on=date(2026, 3, 3))
    assert said() == {"outside-agreement"}
    clock.forward(days=2)
    with desk.house.write() as work:
        assert service.end_due(work) == 1
        assert service.end_due(work) == 0
    with desk.read("officer") as (work, actor):
        assert service.agreement(work, actor, short.id).state == "ENDED"


def test_a_second_person_puts_a_profile_in_force_and_its_numbers_bind(desk: Desk) -> None:
    tight = DISTRICT.model_copy(
        update={
            "agreement": False,
            "numbers": {
                **DISTRICT.numbers,
                "max_grant_years": DISTRICT.numbers["max_grant_years"].model_copy(update={"value": 0}),
            },
        }
    )
    draft = an_application(desk, at=ApplicationState.DRAFT)
    with desk.write("watch") as (work, actor):
        made = profiles.propose(work, actor, ProfileProposal(profile=tight, reason="按上级文件执行"))
    with desk.write("watch") as (work, actor), pytest.raises(AccessRefused):
        profiles.step(work, actor, made.id, ProfileStep.CONFIRM, CaseStep())
    with desk.house.read() as work:
        assert profile(work).key == "generic-open-data"
    with desk.write("approver") as (work, actor):
        profiles.step(work, actor, made.id, ProfileStep.CONFIRM, CaseStep())
    with desk.house.read() as work:
        assert limits_now(work)["max_grant_years"] == 0
    with pytest.raises(AccessRefused) as refused:
        submitted(desk, draft)
    assert "period-too-long" in _codes(refused.value.reasons)


def test_a_profile_counts_from_its_day(desk: Desk, clock: TestClock) -> None:
    in_force(desk, DISTRICT.model_copy(update={"effective_from": date(2026, 3, 5)}))
    with desk.house.read() as work:
        assert profile(work).key == "generic-open-data"
    clock.forward(days=3)
    with desk.house.read() as work:
        assert profile(work).key == "district-authorised-operation"


def test_the_dry_run_names_the_live_grants_that_a_change_would_break_and_changes_nothing(desk: Desk) -> None:
    grant, next_one = a_grant(desk), DISTRICT.model_copy(update={"vouching": False})
    with desk.read("auditor") as (work, _):
        assert profiles.dry_run(work, shipped()["generic-open-data"], assets=desk.assets) == []
        (found,) = profiles.dry_run(work, next_one.model_copy(update={"forms": {2: ()}}), assets=desk.assets)
    assert (found.grant_id, found.dataset_id) == (grant.id, PARKS.dataset_id)
    assert _codes(found.reasons) == {"no-active-agreement", "level-forbids-form"}
    an_agreement(desk)
    with desk.read("auditor") as (work, _):
        assert profiles.dry_run(work, next_one, assets=desk.assets) == []


@pytest.mark.parametrize(
    "bad",
    [
        {"numbers": {"no_such": {"value": 1, "source": "nobody"}}},
        {"clauses": [{"key": "a", "zh": "甲", "en": "a"}] * 2},
        {"surprise": 1},
    ],
)
def test_a_profile_that_does_not_hold_is_refused(desk: Desk, bad: dict[str, Any]) -> None:
    body = DISTRICT.model_dump(mode="json") | bad
    answer = client_as(desk.house, "watch").post(
        "/api/v1/profile/versions", json={"profile": body, "reason": "测试改动"}
    )
    assert answer.status_code == 422
    page = browser_as(desk.house, "watch").submit("/profile", profile="{}", reason="留住我写的理由")
    assert (page.status_code, "留住我写的理由" in page.text) == (422, True)


def test_pages_of_agreements_plans_and_profile(desk: Desk) -> None:
    plan = an_approved_plan(desk)
    planner, approver = browser_as(desk.house, "planner"), browser_as(desk.house, "approver")
    typed = {
        "title": "景区停车协议",
        "plan_id": plan.id,
        "operator_id": "insurer",
        "mode": "by_scenario",
        "starts_on": "2026-03-02",
        "ends_on": "2027-03-01",
        "scenarios": ["parking", "safety"],
        "party_role_1": "operator",
        "party_org_1": "insurer",
        "price_cap": "1,000",
        "price": "99.5",
    }
    form = planner.get("/agreements/new").text
    assert ("最高限价（元）" in form, "运营机构</option>" in form, "（分）" in form) == (True, True, False)
    kept = planner.submit("/agreements", **(typed | {"starts_on": "不是日期"}))
    assert (kept.status_code, "景区停车协议" in kept.text) == (422, True)
    for wrong, words in (
        ({"price": "99.505"}, "至多两位小数"),
        ({"price": "-1"}, "至多两位小数"),
        ({"party_role_2": "developer"}, "第 2 方须同时选择角色与机构"),
    ):
        refused = planner.submit("/agreements", **(typed | wrong))
        assert (refused.status_code, words in refused.text) == (422, True), wrong
        assert wrong.get("price", "99.5") in refused.text, "what was typed stays"
    made = planner.submit("/agreements", **typed)
    assert made.status_code == 303
    place = made.headers["location"]
    body = client_as(desk.house, "planner").get(f"/api/v1{place}").json()["body"]
    assert (body["price_cap_fen"], body["price_fen"]) == (100_000, 9_950), "integer fen"
    assert [(each["role"], each["org_id"]) for each in body["parties"]] == [("operator", "insurer")]
    again = planner.get(f"{place}/edit").text
    assert ('value="1000.00"' in again, 'value="99.50"' in again) == (True, True)
    shown = planner.get(place).text
    assert "99.50" in shown
    assert "停车服务、旅游安全" in shown or "旅游安全、停车服务" in shown
    refused = planner.submit(f"{place}/submit", version="1")
    assert (refused.status_code, "R03" in refused.text) == (403, True)
    assert "景区停车协议" in planner.get(f"{place}/edit").text
    typed |= {"title": "改名协议"}
    assert 'name="version" value="1"' in planner.get(f"{place}/edit").text
    unsaid = planner.post(f"{place}/save", data={"csrf": planner.csrf, **typed}, follow_redirects=False)
    assert (unsaid.status_code, "改名协议" in unsaid.text) == (422, True), "says no version that was seen"
    assert planner.submit(f"{place}/save", **typed, version="1").status_code == 303
    late = planner.submit(f"{place}/save", **(typed | {"title": "后到的改名"}), version="1")
    assert (late.status_code, "已被他人修改" in late.text, "后到的改名" in late.text) == (412, True, True)
    assert planner.submit(f"{place}/activate", version="2").status_code == 403
    assert "改名协议" in approver.get("/agreements").text
    assert plan.title in planner.get("/plans").text
    assert "第 1 版" in planner.get(f"/plans/{plan.id}").text
    assert plan.title in planner.get(f"/plans/new?of={plan.id}").text
    in_force(desk)
    assert "区级公共数据授权运营" in approver.get("/profile").text
    version = client_as(desk.house, "auditor").get("/api/v1/profile/versions").json()["items"][0]
    assert "试运行" in approver.get(f"/profile/{version['id']}").text
    assert client_as(desk.house, "officer2").get(f"/api/v1{place}").status_code == 404
    assert client_as(desk.house, "officer").get(f"/api/v1{place}").status_code == 200


@given(
    st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    st.integers(0, 400),
    st.integers(0, 400),
    st.booleans(),
    st.sampled_from(Mode),
)
def test_cover_means_inside_by_day_and_scenario(
    start: date, before: int, length: int, known: bool, mode: Mode
) -> None:
    standing = Covering("a", "a", mode, frozenset({"safety"}), date(2026, 6, 1), date(2026, 12, 31))
    end = date.fromordinal(start.toordinal() + length)
    inside = date(2026, 6, 1) <= start and end <= date(2026, 12, 31) and (mode is Mode.WHOLE or known)
    assert covers(standing, "safety" if known else "parking", start, end) == inside


class AgreementsByAnybody(RuleBasedStateMachine):
    """Any history of attempts: nothing is active that nobody submitted and an approver did not put in force."""

    @initialize()
    def fresh(self) -> None:
        self.state, self.trail = State.DRAFT, list[tuple[Step, Role | None]]()

    @rule(step=st.sampled_from(Step), role=st.sampled_from([*Role, None]))
    def attempt(self, step: Step, role: Role | None) -> None:
        try:
            self.state = advance(
                self.state, step, frozenset({role}) if role else frozenset(), by_system=role is None
            )
        except (TransitionRefused, Conflict, NotFound):
            return
        self.trail.append((step, role))

    @invariant()
    def active_was_submitted_and_approved(self) -> None:
        steps = [step for step, _ in self.trail]
        if self.state in {State.ACTIVE, *FINAL}:
            assert (Step.ACTIVATE, Role.APPROVER) in self.trail
            assert steps.index(Step.SUBMIT) < steps.index(Step.ACTIVATE)


TestAgreementsByAnybody = AgreementsByAnybody.TestCase


def test_shipped_profiles_hold() -> None:
    assert set(shipped()) == {"generic-open-data", "district-authorised-operation"}
    assert all(isinstance(each, Profile) for each in shipped().values())


def test_the_use_of_a_grant_stops_the_instant_its_agreement_is_terminated_or_over(
    desk: Desk, clock: TestClock
) -> None:
    agreed = an_agreement(desk, ends_on=date(2027, 3, 1))
    in_force(desk)
    grant = a_grant(desk)
    waiting = a_grant(desk, at="PENDING", asset=RESCUES)

    def said() -> set[str]:
        with desk.read("officer") as (work, actor):
            return {each["code"] for each in reading.grant(work, actor, grant.id).why_not}

    assert said() == set()
    with desk.write("approver") as (work, actor):
        service.step(work, actor, agreed.id, Step.TERMINATE, CaseStep(note="运营机构违约，终止"))
    assert said() == {"agreement-not-in-force"}
    with pytest.raises(AccessRefused) as refused, desk.house.write() as work:
        usage.charge(work, grant.id, extracts=1)
    assert _codes(refused.value.reasons) == {"agreement-not-in-force"}
    with desk.write("steward_b") as (work, actor), pytest.raises(AccessRefused) as refused:
        activating.activate(
            work,
            actor,
            waiting.id,
            GrantStep(),
            assets=desk.assets,
            has_release=lambda *_: True,
            holds=desk.holds,
            go_on=lambda *_: None,
        )
    assert _codes(refused.value.reasons) >= {"agreement-not-in-force", "no-active-agreement"}
    an_agreement(desk, plan_id=agreed.plan_id, ends_on=date(2026, 3, 3))
    assert said() == set()
    clock.forward(days=2)
    assert said() == {"agreement-not-in-force"}
    with desk.house.read() as work:
        assert work.db.get_one(GrantRow, grant.id).used_extracts == 0


# -- R01 over all agreements


DEVELOPED = ({"role": "implementing_body", "org_id": "bureau"}, {"role": "operator", "org_id": "mapper"}, {"role": "developer", "org_id": "insurer"})  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "meets"),
    [
        ({}, True),
        ({"scenarios": ["safety", "parking"]}, True),
        ({"mode": "whole", "scenarios": []}, True),
        ({"mode": "by_field", "scenarios": []}, True),
        ({"scenarios": ["parking"]}, False),
        ({"starts_on": date(2028, 3, 1), "ends_on": date(2029, 3, 1)}, True),
        ({"starts_on": date(2028, 3, 2), "ends_on": date(2029, 3, 1)}, False),
        ({"starts_on": date(2025, 3, 2), "ends_on": date(2026, 3, 1)}, False),
    ],
)
def test_nobody_operates_and_develops_one_scope_in_two_agreements(
    changes: dict[str, Any], meets: bool
) -> None:
    own = agreement_body()
    other = agreement_body(**({"operator_id": "mapper", "parties": DEVELOPED, "title": "另一协议"} | changes))
    for one, two in ((own, other), (other, own)):
        found = list(rules.apart_from(one, [rules.Other("x", two.title, two)]))
        assert _codes(found) == ({"operator-develops-elsewhere"} if meets else set())
        assert all(each.facts == {"agreement_id": "x", "org_id": "insurer"} for each in found)
    for reason in rules.apart_from(own, [rules.Other("x", "x", other)]):
        assert str(other.ends_on) not in reason.text.zh + reason.text.en, "its days are its operator's"
    assert not list(rules.apart_from(own, [rules.Other("x", own.title, own)])), (
        "one operator, twice, is no developer"
    )


def test_the_second_agreement_waits_until_the_first_has_ended(house: House) -> None:
    both = with_planner(a_desk(house))
    first = an_agreement(both)
    twin = {"operator_id": "mapper", "parties": DEVELOPED, "title": "开发协议"}
    with pytest.raises(AccessRefused) as refused:
        an_agreement(both, **twin)
    assert _codes(refused.value.reasons) == {"operator-develops-elsewhere"}
    with both.write("approver") as (work, actor):
        service.step(work, actor, first.id, Step.TERMINATE, CaseStep(note="双方协商提前终止"))
    assert an_agreement(both, **twin).state == State.ACTIVE


def test_an_affiliate_does_not_develop_what_its_group_operates(desk: Desk) -> None:
    """R01: neither directly nor through an organisation under the same control."""
    own = agreement_body()
    parties = [
        {"role": "implementing_body", "org_id": "bureau"}, {"role": "operator", "org_id": "third"}, {"role": "developer", "org_id": "mapper"},
    ]  # fmt: skip
    other = agreement_body(operator_id="third", parties=parties, title="另一协议")
    for known, codes in (
        ({}, set()), ({"mapper": "insurer"}, {"operator-affiliate-develops"}), ({"insurer": "holding", "mapper": "between", "between": "holding"}, {"operator-affiliate-develops"}),
        ({"mapper": "elsewhere"}, set()), ({"bureau": "insurer"}, set()),
    ):  # fmt: skip
        for one, two in ((own, other), (other, own)):
            found = list(rules.apart_from(one, [rules.Other("x", two.title, two)], known))
            assert _codes(found) == codes
            assert all(
                (each.facts["org_id"], each.facts["affiliate"]) == ("insurer", "mapper") for each in found
            )
    within = agreement_body(parties=[*own.model_dump()["parties"], {"role": "developer", "org_id": "mapper"}])
    for known, codes in (({}, set()), ({"mapper": "insurer"}, {"operator-develops"})):
        found = rules.agreement_objections(within, plan_approved=True, profile=DISTRICT, controllers=known)
        assert _codes(found) == codes


def test_who_controls_whom_is_entered_with_a_reason_and_counts_at_the_next_agreement(house: House) -> None:
    desk = with_planner(a_desk(house))
    with house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    root = client_as(house, "root")
    at, says = (
        "/api/v1/organisations/mapper/control",
        {"controlled_by": "insurer", "note": "工商登记持股 80%"},
    )
    for bad in ({"note": "短"}, {"controlled_by": "nobody"}, {"controlled_by": "mapper"}):
        assert root.post(at, json=says | bad).status_code == 422
    assert root.post(at, json=says).json()["controlled_by"] == "insurer"
    assert root.post(at, json=says).status_code == 409
    circle = root.post("/api/v1/organisations/insurer/control", json=says | {"controlled_by": "mapper"})
    assert circle.status_code == 422
    assert root.post("/api/v1/organisations/bureau/control", json=says).status_code == 403, "one's own"
    assert client_as(house, "officer").post(at, json=says).status_code == 403
    plan = an_approved_plan(desk)
    parties = [*agreement_body().model_dump()["parties"], {"role": "developer", "org_id": "mapper"}]
    with desk.write("planner") as (work, actor):
        made = service.draft(work, actor, agreement_body(plan.id, parties=parties))
    with pytest.raises(AccessRefused) as refused, desk.write("planner") as (work, actor):
        service.step(work, actor, made.id, Step.SUBMIT, CaseStep())
    assert _codes(refused.value.reasons) == {"operator-develops"}
    page = browser_as(house, "root", "en")
    assert "insurer" in page.get("/admin/organisations/mapper").text
    short = page.submit("/admin/organisations/mapper/control", controlled_by="", control_note="no")
    assert (short.status_code, "4 characters" in short.text) == (422, True)
    done = page.submit("/admin/organisations/mapper/control", controlled_by="", control_note="sold to others")
    assert done.status_code == 303
    with desk.write("planner") as (work, actor):
        assert service.step(work, actor, made.id, Step.SUBMIT, CaseStep()).state == "IN_APPROVAL"


def test_the_command_enters_who_controls(sqlite_house: House) -> None:
    a_desk(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
    where = ["--data-dir", str(sqlite_house.settings.data_dir), "--as", "root", "--json"]
    run = CliRunner().invoke(
        org_commands, ["control", "mapper", "insurer", "--note", "register of companies", *where]
    )
    assert json.loads(run.stdout)["controlled_by"] == "insurer", run.output
