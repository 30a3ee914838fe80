"""Versions, clocks and terms of applications."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
import rfc8785
from sqlmodel import col, select, update

from api.house import House
from auth.applications import service as applications
from auth.applications.models import AcceptBody, ApplicationRead, StepBody
from auth.applications.tables import ApplicationRow
from auth.applications.terms import clauses_under
from auth.applications.workflow import State
from auth.duties.workflow import Kind
from auth.identity.tables import OrganisationRow
from auth.policy import odrl
from auth.policy.limits import limits
from auth.policy.model import DeliveryForm
from core.errors import AccessRefused, AppError, Conflict, InputRefused, Stale, TransitionRefused
from core.ids import ApplicationId
from tests.conftest import TestClock
from tests.desk import (
    Desk,
    a_desk,
    agreed,
    an_application,
    codes,
    decided,
    kinds,
    screened,
    voted,
)
from tests.people import browser_as


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_decision_on_an_old_version_is_stale_and_without_version_refused(desk: Desk) -> None:
    old = an_application(desk, at=State.IN_REVIEW)
    voted(desk, old, "screener")
    with pytest.raises(Stale):
        decided(desk, old)
    with pytest.raises(InputRefused), desk.write("applicant") as (work, actor):
        applications.withdraw(work, actor, old.id, StepBody())


def test_what_is_signed_is_words_for_people() -> None:
    assert "`" not in json.dumps(clauses_under(limits()), ensure_ascii=False)


def test_terms_are_accepted_by_their_digest_only(desk: Desk) -> None:
    found = an_application(desk, at=State.OFFERED)
    with pytest.raises(Conflict), desk.write("officer") as (work, actor):
        applications.accept_terms(work, actor, found.id, AcceptBody(version=found.version, hash="0" * 64))
    with pytest.raises(TransitionRefused):
        agreed(desk, found, "applicant")
    with desk.read("officer") as (work, actor):
        terms = applications.terms(work, actor, found.id)
    assert terms["hash"] == found.agreement_hash
    assert len(agreed(desk, found).grants) == 1
    with pytest.raises(AppError):
        agreed(desk, found)


def test_clock_counts_working_days_and_lapses_once(desk: Desk, clock: TestClock) -> None:
    found = an_application(desk)
    assert (found.due_on, found.working_days_left) == (date(2026, 3, 4), 2)
    found = screened(desk, found, outcome="return", note="请补充材料")
    assert found.due_on == date(2026, 4, 1)
    clock.forward(days=30)
    with desk.house.write() as work:
        assert applications.lapse_due(work) == 0
    clock.forward(days=1)
    for expected in (1, 0):
        with desk.house.write() as work:
            assert applications.lapse_due(work) == expected
    with desk.read("applicant") as (work, actor):
        assert applications.application(work, actor, found.id).state == State.LAPSED


def test_organisation_whose_licence_has_lapsed_neither_applies_nor_signs(
    desk: Desk, clock: TestClock
) -> None:
    found = an_application(desk, at=State.OFFERED, ends_on=date(2028, 3, 1))
    with desk.house.write() as work:
        work.db.exec(update(OrganisationRow).values(licence_valid_to=date(2026, 3, 1)))  # type: ignore[call-overload]
    with pytest.raises(AccessRefused) as refused:
        agreed(desk, found)
    assert codes(refused) == ["licence-lapsed"]
    with pytest.raises(AccessRefused) as refused:
        an_application(desk, at=State.DRAFT)
    assert codes(refused) == ["licence-lapsed"]


def test_commands_say_what_is_open_and_what_stands_against_it(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING)

    def offered_to(who: str, application_id: ApplicationId = found.id) -> dict[str, list[str]]:
        with desk.read(who) as (work, actor):
            said = applications.commands(work, actor, application_id, assets=desk.assets)
        return {item["command"]: [reason.code for reason in item["reasons"]] for item in said}

    assert offered_to("approver") == {"return": [], "offer": [], "reject": []}
    assert offered_to("applicant") == {"withdraw": []}
    assert offered_to("auditor") == {}
    draft = an_application(desk, at=State.DRAFT, scenario_id="weather", forms=[])
    assert offered_to("applicant", draft.id) == {"save": [], "submit": ["no-delivery-form"], "withdraw": []}


def test_refused_step_changes_nothing(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING)
    before = kinds(desk)
    for who, decision in (
        ("approver", {"outcome": "reject"}),
        ("screener", {}),
        ("approver", {"outcome": "narrow"}),
    ):
        with suppress(AppError):
            decided(desk, found, who, **decision)
    with desk.read("approver") as (work, actor):
        now: ApplicationRead = applications.application(work, actor, found.id)
    assert (now.state, now.version, now.lines[0].decision) == (State.DECIDING, found.version, "")
    assert kinds(desk) == before


# -- counter-proposals and lapsing


def _countered(desk: Desk, found: ApplicationRead, note: str = "希望保留名称列") -> ApplicationRead:
    with desk.write("applicant") as (work, actor):
        return applications.counter(work, actor, found.id, StepBody(version=found.version, note=note))


def test_offer_may_be_countered_twice_and_no_more(desk: Desk) -> None:
    found = an_application(desk, at=State.OFFERED)
    for left in (1, 0):
        old = found
        found = _countered(desk, found)
        assert (found.state, found.agreement_hash, found.counters_left) == (State.DECIDING, "", left)
        with pytest.raises(AppError):
            agreed(desk, old)
        found = decided(desk, found)
    with pytest.raises(AccessRefused) as refused:
        _countered(desk, found)
    assert codes(refused) == ["no-counter-left"]
    assert agreed(desk, found).state == State.AGREED


def test_countering_needs_words_and_is_the_applicants_alone(desk: Desk) -> None:
    found = an_application(desk, at=State.OFFERED)
    with pytest.raises(InputRefused):
        _countered(desk, found, "")
    for who in ("officer", "approver", "analyst"):
        with pytest.raises(TransitionRefused), desk.write(who) as (work, actor):
            applications.counter(work, actor, found.id, StepBody(version=found.version, note="换一换"))


def test_what_was_not_answered_has_lapsed_before_anybody_notes_it(desk: Desk, clock: TestClock) -> None:
    """The last day still counts; the day after nothing does, and the event is written once."""
    found = an_application(desk, at=State.OFFERED)
    assert found.due_on is not None
    clock.now = datetime.combine(found.due_on, time(15, 59), UTC)  # 23:59 in China
    with desk.read("officer") as (work, actor):
        assert applications.application(work, actor, found.id).state == State.OFFERED
        assert applications.applications(work, actor, waiting=True)[1] == 1
    clock.forward(minutes=1)
    with desk.read("officer") as (work, actor):
        assert applications.application(work, actor, found.id).state == State.LAPSED
        assert applications.commands(work, actor, found.id, assets=desk.assets) == []
        assert applications.applications(work, actor, waiting=True)[1] == 0
    for act in (agreed, _countered):
        with pytest.raises(TransitionRefused):
            act(desk, found)
    anew = {"starts_on": date(2026, 5, 1)}
    assert an_application(desk, **anew).state == State.SUBMITTED  # the lapsed one is no twin any more
    for noted in (1, 0):
        with desk.house.write() as work:
            assert applications.lapse_due(work) == noted
    assert kinds(desk).count("application.lapsed") == 1


CLAUSE_OF = {  # every duty and prohibition that an ODRL agreement can state, and the clause under which the officer takes it on
    ("delete", "elapsedTime"): "retention",
    ("inform", "dg:incident"): "security",
    ("inform", "dg:useReport"): "use-report",
    ("attribute", ""): "attribution",
    ("dg:outputReview", "dg:enclave"): "output-review",
    ("distribute", ""): "no-redistribution",
    ("sell", ""): "no-redistribution",
    ("dg:reidentify", ""): "no-reidentification",
}
DEMANDED = {Kind.USE_REPORT: "use-report", Kind.DELETION_CERTIFICATE: "deletion-certificate"}


def _named(rule: dict[str, Any]) -> tuple[str, str]:
    of = [
        "elapsedTime" if each["leftOperand"] == "elapsedTime" else each["rightOperand"]
        for each in rule.get("constraint", [])
    ]
    return rule["action"], ", ".join(of)


def test_whatever_an_odrl_agreement_or_the_duties_demand_has_its_clause(desk: Desk) -> None:
    found = an_application(desk, at=State.OFFERED)
    with desk.read("officer") as (work, actor):
        said = applications.terms(work, actor, found.id)["document"]["clauses"]
    by_key = {clause["key"]: clause for clause in said["clauses"]}
    rules = [*odrl.duties(30, list(DeliveryForm)), *({"action": each} for each in odrl.PROHIBITED)]
    assert {_named(rule) for rule in rules} == set(CLAUSE_OF)
    assert set(DEMANDED) == set(Kind)
    assert {*CLAUSE_OF.values(), *DEMANDED.values()} <= set(by_key)
    for key in ("use-report", "deletion-certificate", "attribution", "output-review"):
        clause = by_key[key]
        assert all(clause[part] and "{" not in clause[part] for part in ("zh", "en", "source"))


def test_clauses_say_the_numbers_of_the_profile_in_force_and_an_offer_keeps_its_text(desk: Desk) -> None:
    before = an_application(desk, at=State.OFFERED)
    with desk.read("officer") as (work, actor):
        kept = applications.terms(work, actor, before.id)
    known = limits()
    number = replace(known.numbers["use_report_months"], value=1, source="rule of the tests")
    changed = replace(known, numbers={**known.numbers, "use_report_months": number})
    (clause,) = [each for each in clauses_under(changed)["clauses"] if each["key"] == "use-report"]
    assert "every 1 month and" in clause["en"]
    assert "每 1 个月" in clause["zh"]
    assert "rule of the tests" in clause["source"]
    assert "every 12 months and" in str(kept["document"])
    with desk.house.write() as work:  # an offer that was made with other clauses
        row = work.db.exec(select(ApplicationRow).where(col(ApplicationRow.id) == before.id)).one()
        document = json.loads(row.agreement)
        document["clauses"] = {"version": 1, "effective_from": "2026-01-01", "clauses": [{"key": "purpose", "zh": "甲", "en": "A"}]}  # fmt: skip
        row.agreement = rfc8785.dumps(document).decode()
        row.agreement_hash = hashlib.sha256(row.agreement.encode()).hexdigest()
        work.db.add(row)
    with desk.read("officer") as (work, actor):
        found = applications.application(work, actor, before.id)
        assert applications.terms(work, actor, before.id)["document"]["clauses"]["version"] == 1
    page = browser_as(desk.house, "officer", "en").get(f"/applications/{before.id}/terms")
    assert page.status_code == 200
    assert "<li>A</li>" in page.text
    made = agreed(desk, found)
    assert len(made.grants) == 1
    assert made.agreement_hash == found.agreement_hash != kept["hash"]
