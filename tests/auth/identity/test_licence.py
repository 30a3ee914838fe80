"""A licence is given on papers, taken at once, and given back by somebody else."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlmodel import col, select

from api.house import House
from auth.audit import AuditEventRow
from auth.casework.book import CaseStep
from auth.delegations import service as delegations
from auth.delegations.service import DelegationCreate
from auth.delegations.workflow import Step as DelegationStep
from auth.grants import reading
from auth.identity import licence, organisations
from auth.identity.licence import LicenceStep, Paper, Step
from core.errors import AccessRefused, Conflict, InputRefused, Stale, TransitionRefused
from core.text import Text
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant
from tests.people import a_person, actor_of, browser_as, client_as

CODE = "91350100M000100Y43"
PAPER = Paper(name="营业执照.pdf", sha256="c" * 64)
LAST = date(2026, 12, 31)


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    made = a_desk(sqlite_house)
    with sqlite_house.write() as work:
        a_person(work, "root", "bureau", ["sysadmin"])
        organisations.create_organisation(
            work, actor_of(work, "root"), Text("新企业", "New firm"), "developer", org_id="newfirm"
        )
    return made


def _take(desk: Desk, step: Step, who: str = "approver", org: str = "insurer", **how: object) -> str:
    with desk.write(who) as (work, actor):
        ask = LicenceStep.model_validate({"step": step, "note": "经核查办理"} | how)
        return licence.take(work, actor, org, ask).licence_state


def _effective(desk: Desk, grant_id: object) -> bool:
    with desk.read("auditor") as (work, actor):
        return reading.grant(work, actor, grant_id).is_effective  # type: ignore[arg-type]


def test_qualifying_needs_papers_code_and_a_day_and_says_all_at_once(desk: Desk) -> None:
    with pytest.raises(AccessRefused) as refused:
        _take(desk, Step.QUALIFY, org="newfirm")
    assert {r.code for r in refused.value.reasons} == {
        "valid-to-missing",
        "documents-missing",
        "credit-code-missing",
    }
    with pytest.raises(InputRefused):
        _take(
            desk, Step.QUALIFY, org="newfirm", credit_code=CODE[:-1] + "4", valid_to=LAST, documents=[PAPER]
        )
    assert (
        _take(desk, Step.QUALIFY, org="newfirm", credit_code=CODE, valid_to=LAST, documents=[PAPER])
        == "QUALIFIED"
    )
    with desk.house.read() as work:
        assert organisations.organisation(work, "newfirm").credit_code == CODE


@pytest.mark.parametrize(
    "given", [{"valid_to": date(2099, 12, 31)}, {"documents": [PAPER]}, {"credit_code": CODE}]
)
def test_only_who_qualifies_or_renews_gives_days_papers_or_a_code(
    desk: Desk, given: dict[str, object]
) -> None:
    """Else whoever may suspend would prolong a licence that no approver renewed."""
    with desk.house.read() as work:
        before = organisations.organisation(work, "insurer")
    with pytest.raises(InputRefused) as refused:
        _take(desk, Step.SUSPEND, "watch", **given)
    assert refused.value.facts["field"] in given
    assert _take(desk, Step.SUSPEND, "watch") == "SUSPENDED"
    with pytest.raises(InputRefused):
        _take(desk, Step.RESUME, "approver", **given)
    _take(desk, Step.RESUME, "approver")
    with desk.house.read() as work:
        after = organisations.organisation(work, "insurer")
    assert after.licence_valid_to == before.licence_valid_to
    assert after.credit_code == before.credit_code


def test_suspension_stops_every_grant_at_once_and_another_person_resumes(
    desk: Desk, clock: TestClock
) -> None:
    grant = a_grant(desk)
    clock.forward(hours=20)
    assert _effective(desk, grant.id)
    assert _take(desk, Step.SUSPEND, "watch") == "SUSPENDED"
    assert not _effective(desk, grant.id)
    with pytest.raises(AccessRefused):
        _take(desk, Step.RESUME, "watch")
    assert _take(desk, Step.RESUME, "watch2") == "QUALIFIED"
    assert _effective(desk, grant.id)


def test_whoever_stands_in_for_the_suspender_does_not_resume(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(work, "second", "bureau", ["approver"])
        lent = DelegationCreate(
            deputy="second",
            scope="*",
            starts_on=date(2026, 3, 2),
            ends_on=date(2026, 3, 31),
            reason="出差期间由其代办",
        )
        made = delegations.offer(work, actor_of(work, "approver"), lent)
        delegations.answer(work, actor_of(work, "second"), made.id, DelegationStep.ACCEPT, CaseStep())
    assert _take(desk, Step.SUSPEND, "approver") == "SUSPENDED"
    with pytest.raises(AccessRefused) as refused:
        _take(desk, Step.RESUME, "second")
    assert [each.code for each in refused.value.reasons] == ["suspender-does-not-resume"]
    assert _take(desk, Step.RESUME, "watch") == "QUALIFIED"


def test_disqualified_is_for_good_and_grants_stay_in_their_state_but_do_not_count(
    desk: Desk, clock: TestClock
) -> None:
    grant = a_grant(desk)
    clock.forward(hours=20)
    assert _take(desk, Step.DISQUALIFY) == "DISQUALIFIED"
    assert not _effective(desk, grant.id)
    for step in Step:
        with pytest.raises(TransitionRefused):
            _take(desk, step, valid_to=LAST, documents=[PAPER])


def test_a_lapsed_licence_is_computed_and_renewed(desk: Desk, clock: TestClock) -> None:
    with desk.house.read() as work:
        last = organisations.organisation(work, "insurer").licence_valid_to
    assert last is not None
    clock.now += timedelta(days=(last - clock.now.date()).days)
    with desk.house.read() as work:
        assert organisations.organisation(work, "insurer").licence_state == "QUALIFIED"
    clock.forward(days=1)
    with desk.house.read() as work:
        assert organisations.organisation(work, "insurer").licence_state == "LAPSED"
    with pytest.raises(TransitionRefused):
        _take(desk, Step.SUSPEND)
    assert _take(desk, Step.RENEW, valid_to=last + timedelta(days=365)) == "QUALIFIED"


def test_nobody_decides_on_his_own_organisation_and_public_bodies_have_no_licence(desk: Desk) -> None:
    with desk.write("approver") as (work, actor):
        a_person(work, "moonlighter", "insurer", ["analyst"], person_id=actor.person_id)
    with pytest.raises(AccessRefused):
        _take(desk, Step.SUSPEND)
    assert _take(desk, Step.SUSPEND, "approver2") == "SUSPENDED"
    with pytest.raises(Conflict):
        _take(desk, Step.SUSPEND, "approver2", org="parks")


def test_administrators_enter_but_do_not_qualify(desk: Desk) -> None:
    root = client_as(desk.house, "root")
    body = {"id": "other", "name_zh": "他企", "name_en": "Other", "kind": "operator"}
    assert root.post("/api/v1/organisations", json=body | {"licence_state": "QUALIFIED"}).status_code == 422
    assert root.post("/api/v1/organisations", json=body).json()["licence_state"] == "PENDING"
    assert root.post("/api/v1/organisations/other/licence", json={"step": "qualify"}).status_code == 403
    approver = browser_as(desk.house, "approver")
    page = "/admin/organisations/other/licence"
    typed = {"step": "qualify", "credit_code": CODE, "valid_to": "2026-12-31", "note": "材料齐全"}
    kept = approver.submit(page, **typed, documents="zzz")
    assert (kept.status_code, "材料齐全" in kept.text) == (422, True)
    assert approver.submit(page, **typed, documents=f"{'d' * 64}  a.pdf").status_code == 303
    shown = approver.get("/admin/organisations/other").text
    assert "认定合格" in shown
    assert "a.pdf" in shown


def test_a_step_on_a_licence_that_somebody_else_changed_is_stale(desk: Desk) -> None:
    with desk.read("approver") as (work, _):
        seen = organisations.organisation_row(work, "insurer").licence_version
    _take(desk, Step.SUSPEND, version=seen)
    with pytest.raises(Stale) as refused:
        _take(desk, Step.DISQUALIFY, version=seen)
    assert refused.value.facts["version"] == seen + 1
    assert refused.value.facts["state"] == "SUSPENDED"


@pytest.mark.parametrize("note", ["", "三个字", "   ab   "])
def test_taking_a_licence_away_needs_a_reason(desk: Desk, note: str) -> None:
    with pytest.raises(InputRefused) as refused:
        _take(desk, Step.SUSPEND, note=note)
    assert refused.value.facts["field"] == "note"


def test_steps_are_offered_to_approvers_and_for_enterprises_alone(desk: Desk) -> None:
    with desk.read("approver") as (work, actor):
        assert licence.open_steps(work, actor, "parks") == []
        assert Step.SUSPEND in licence.open_steps(work, actor, "insurer")
    with desk.read("auditor") as (work, actor):
        assert licence.open_steps(work, actor, "insurer") == []


def test_each_step_is_on_record_with_what_it_gave(desk: Desk) -> None:
    _take(desk, Step.QUALIFY, org="newfirm", credit_code=CODE, valid_to=LAST, documents=[PAPER])
    _take(desk, Step.DISQUALIFY, org="newfirm")
    with desk.house.write() as work:
        organisations.create_organisation(
            work, actor_of(work, "root"), Text("另一企业", "Other firm"), "developer", org_id="otherfirm"
        )
    _take(desk, Step.DISQUALIFY, org="otherfirm")
    with desk.house.read() as work:
        kind = AuditEventRow.kind == "organisation.licence_set"
        events = work.db.exec(select(AuditEventRow).where(kind).order_by(col(AuditEventRow.seq))).all()
    said = [json.loads(event.payload) for event in events if event.subject in ("newfirm", "otherfirm")]
    assert [
        (each["step"], each["from"], each["to"], each["valid_to"], each["documents"]) for each in said
    ] == [
        ("qualify", "PENDING", "QUALIFIED", "2026-12-31", [PAPER.sha256]),
        ("disqualify", "QUALIFIED", "DISQUALIFIED", "2026-12-31", []),
        ("disqualify", "PENDING", "DISQUALIFIED", None, []),
    ]
