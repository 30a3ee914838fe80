"""What one person proposed waits on the start page of those who may answer it, never of the proposer, and is gone once it is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from api.agenda import agenda
from api.agenda_seconds import KINDS
from api.house import House
from auth import deadlines
from auth.agreements import service as agreements
from auth.agreements.plan_workflow import Step as PlanStep
from auth.agreements.workflow import Step as AgreementStep
from auth.casework.book import CaseStep
from auth.consents import service as consents
from auth.consents.service import ConsentCreate
from auth.consents.workflow import Step as ConsentStep
from auth.erasure import service as erasures
from auth.erasure.service import ErasureCreate
from auth.profile import service as profiles
from auth.profile.service import ProfileProposal
from auth.profile.workflow import Step as ProfileStep
from auth.registrations import service as registrations
from auth.registrations.service import RegistrationCertify, RegistrationCreate
from auth.registrations.workflow import Act
from auth.registrations.workflow import Step as RegistrationStep
from quality.schemes import service as schemes
from quality.schemes.model import shipped
from quality.schemes.service import SchemeProposal
from tests.auth.agreements.scene import DISTRICT, an_agreement, plan_body, with_planner
from tests.auth.registrations.test_registrations import BODY
from tests.caps import confirmed, proposed
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant
from tests.people import a_person, actor_of, browser_as, client_as

Answer = Callable[[], object]


@pytest.fixture
def desk(house: House) -> Desk:
    made = with_planner(a_desk(house))
    with house.write() as work:
        for name, role in (("root", "sysadmin"), ("root2", "sysadmin"), ("registrar", "reviewer_business")):
            a_person(work, name, "bureau", [role])
    return made


def _profile(desk: Desk) -> Answer:
    with desk.write("watch") as (work, actor):
        made = profiles.propose(work, actor, ProfileProposal(profile=DISTRICT, reason="按上级文件执行"))

    def answer() -> None:
        with desk.write("approver") as (work, actor):
            profiles.step(work, actor, made.id, ProfileStep.CONFIRM, CaseStep())

    return answer


def _scheme(desk: Desk) -> Answer:
    with desk.write("approver") as (work, actor):
        ask = SchemeProposal(scheme=shipped(), reason="按上级文件执行")
        made = schemes.propose(work, actor, ask)

    def answer() -> None:
        with desk.write("watch") as (work, actor):
            schemes.step(work, actor, made.id, ProfileStep.CONFIRM, CaseStep())

    return answer


def _cap(desk: Desk) -> Answer:
    made = proposed(desk.house)
    return lambda: confirmed(desk.house, made)


def _agreement(desk: Desk) -> Answer:
    made = an_agreement(desk, at="IN_APPROVAL")

    def answer() -> None:
        with desk.write("approver") as (work, actor):
            agreements.step(work, actor, made.id, AgreementStep.ACTIVATE, CaseStep())

    return answer


def _plan(desk: Desk) -> Answer:
    with desk.write("planner") as (work, actor):
        made = agreements.draft_plan(work, actor, plan_body())
        agreements.step_plan(work, actor, made.id, PlanStep.SUBMIT, CaseStep())

    def answer() -> None:
        with desk.write("approver") as (work, actor):
            agreements.step_plan(work, actor, made.id, PlanStep.APPROVE, CaseStep())

    return answer


def _registration(desk: Desk) -> Answer:
    with desk.write("steward_a") as (work, actor):
        body = RegistrationCreate(dataset_id=PARKS.dataset_id, act=Act.FIRST, body=BODY)
        made = registrations.draft(work, actor, body, assets=desk.assets)
        registrations.step(work, actor, made.id, RegistrationStep.SUBMIT, CaseStep())

    def answer() -> None:
        with desk.write("registrar") as (work, actor):
            registrations.step(work, actor, made.id, RegistrationStep.PASS, CaseStep())

    return answer


def _ready(desk: Desk) -> Answer:
    """Reviewed, and its public notice over: told by the daily round."""
    clock = cast("TestClock", desk.house.clock)
    _registration(desk)()
    with desk.read("registrar") as (work, actor):
        (made,) = registrations.registrations(work, actor, state="NOTICE")[0]
    assert made.notice_to is not None
    clock.now = clock.now.fromisoformat(f"{made.notice_to}T04:00:00+00:00")
    a_round(desk)
    assert _those_who_see(desk, "Registrations to give a code") == set(), "its last day is the public's"
    clock.forward(days=1)
    a_round(desk)

    def answer() -> None:
        with desk.write("approver2") as (work, actor):
            registrations.certify(work, actor, made.id, RegistrationCertify())

    return answer


def a_round(desk: Desk) -> None:
    """The daily round, twice: the second finds nothing to tell."""
    for _ in range(2):
        with desk.house.write() as work:
            deadlines.note_due(work)
    with desk.house.read() as work:
        assert not registrations.is_anything_due(work)


def _consent(desk: Desk) -> Answer:
    body = {
        "dataset_id": PARKS.dataset_id, "provider": "市交通运输局", "signatory": "李处长", "consented_on": "2026-02-20",
        "starts_on": "2026-01-01", "ends_on": "2028-12-31", "evidence_name": "同意函.pdf", "evidence_sha256": "c" * 64,
    }  # fmt: skip
    with desk.write("steward_a") as (work, actor):
        made = consents.enter(work, actor, ConsentCreate.model_validate(body), assets=desk.assets)

    def answer() -> None:
        with desk.write("screener") as (work, actor):
            consents.check(work, actor, made.id, ConsentStep.CONFIRM, CaseStep(version=1))

    return answer


def _erasure(desk: Desk) -> Answer:
    with desk.write("root2") as (work, actor):
        made = erasures.ask(work, actor, ErasureCreate(username="clerk", reason="已离职，不再办理"))
    withdraw = f"/api/v1/erasures/{made.id}/withdraw"
    return lambda: client_as(desk.house, "root2").post(withdraw, json={"version": made.version})


def _revocation(desk: Desk) -> Answer:
    grant = a_grant(desk)
    step = {"note": "用于未经许可的用途", "evidence": "监控记录", "version": grant.version}
    done = client_as(desk.house, "watch").post(f"/api/v1/grants/{grant.id}/revoke", json=step)
    assert done.status_code == 200, done.text
    found = client_as(desk.house, "watch2").get("/api/v1/revocations").json()["items"][0]
    confirm = f"/api/v1/revocations/{found['id']}/confirm"
    return lambda: client_as(desk.house, "watch2").post(
        confirm, json={"version": found["version"], "note": ""}
    )


CASES: dict[str, tuple[Callable[[Desk], Answer], str, set[str]]] = {
    "Revocations that wait for a second person": (_revocation, "watch", {"watch2", "approver", "approver2", "parks_approver"}),
    "Policy profiles to confirm": (_profile, "watch", {"watch2", "approver", "approver2"}),
    "Scoring schemes to confirm": (_scheme, "approver", {"approver2", "watch", "watch2"}),
    "Caps to confirm": (_cap, "approver", {"approver2", "watch", "watch2"}),
    "Agreements to approve": (_agreement, "planner", {"approver2"}),
    "Plans to approve": (_plan, "planner", {"approver", "approver2"}),
    "Registrations to review": (_registration, "steward_a", {"registrar"}),
    "Registrations to give a code": (_ready, "registrar", {"approver", "approver2"}),
    "Source consents to check": (_consent, "steward_a", {"screener", "screener2", "parks_approver", "approver", "approver2"}),
    "Requests for erasure": (_erasure, "root2", {"root"}),
}  # fmt: skip
EVERYBODY = (
    "applicant", "officer", "analyst", "applicant2", "screener", "screener2", "roads_screener", "security", "approver", "approver2",
    "parks_approver", "watch", "watch2", "auditor", "steward_a", "steward_b", "planner", "registrar", "root", "root2",
)  # fmt: skip


def test_every_kind_of_case_is_played() -> None:
    assert {kind.label.en for kind in KINDS} == set(CASES)


def _those_who_see(desk: Desk, label: str) -> set[str]:
    found = set()
    for name in EVERYBODY:
        with desk.house.read() as work:
            found |= {name for pile in agenda(work, actor_of(work, name)) if pile.label.en == label}
    return found


@pytest.mark.parametrize("label", CASES)
def test_a_case_waits_for_those_who_may_answer_it(desk: Desk, label: str) -> None:
    make, proposer, least = CASES[label]
    assert _those_who_see(desk, label) == set()
    answer = make(desk)
    seen = _those_who_see(desk, label)
    assert seen >= least, label
    assert not seen & {proposer, "applicant", "officer", "analyst", "auditor", "roads_screener"}, label
    some = sorted(least)[0]
    page = browser_as(desk.house, some, lang="en").get("/").text
    (kind,) = [each for each in KINDS if each.label.en == label]
    assert f'href="{kind.second.base}/' in page
    answer()
    assert _those_who_see(desk, label) == set()


def test_a_change_of_roles_waits_for_another_administrator(desk: Desk) -> None:
    body: dict[str, Any] = {"role": "output_checker"}
    done = client_as(desk.house, "root").post("/api/v1/users/clerk/roles", json=body)
    assert done.status_code < 300, done.text
    assert _those_who_see(desk, "Changes of roles to confirm") == {"root2"}


def test_a_break_glass_waits_for_security_officers_too(desk: Desk) -> None:
    ask = {"username": "clerk", "role": "output_checker", "hours": 2, "reason": "值守人员突发疾病无法到岗"}
    done = client_as(desk.house, "watch").post("/api/v1/break-glass", json=ask)
    assert done.status_code < 300, done.text
    assert _those_who_see(desk, "Changes of roles to confirm") == {"root", "root2", "watch2"}
