"""The way of an application through people's hands: what it takes, what stops it, who may not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import audit
from auth.applications import service as applications
from auth.applications.models import AcceptBody, ApplicationRead, ApplicationSave, StepBody
from auth.applications.workflow import State
from auth.grants import service as grants
from auth.grants.service import GrantStep
from core.errors import AccessRefused, AppError, Conflict, InputRefused, NotFound, Stale, TransitionRefused
from core.ids import ApplicationId
from tests.conftest import TestClock
from tests.desk import (
    PARKS,
    RELICS,
    RESCUES,
    Desk,
    a_desk,
    a_grant,
    activated,
    agreed,
    an_application,
    an_ask,
    decided,
    reviewed,
    screened,
    submitted,
    voted,
)
from tests.people import a_person, actor_of


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _codes(refused: pytest.ExceptionInfo[AccessRefused]) -> list[str]:
    return [reason.code for reason in refused.value.reasons]


def _kinds(desk: Desk) -> list[str]:
    with desk.house.read() as work:
        return list(work.db.exec(select(audit.AuditEventRow.kind).order_by("seq")))


def test_whole_way_makes_one_grant_per_line_on_either_database(house: House) -> None:
    desk = a_desk(house)
    lines = (*an_ask(PARKS).lines, *an_ask(RESCUES, columns=["event_type"]).lines)
    found = an_application(desk, at=State.AGREED, ask=an_ask(lines=lines))
    assert len(found.grants) == 2
    assert [stage.stage for stage in found.stages] == ["business:parks", "security"]
    for grant_id in found.grants:
        assert activated(desk, grant_id).is_effective
    kinds = [kind for kind in _kinds(desk) if kind.startswith(("application", "grant"))]
    assert kinds == [
        "application.created", "application.submitted", "application.screened", "application.reviewed",
        "application.reviewed", "application.review-completed", "application.offered", "application.agreed",
        "grant.issued", "grant.issued", "grant.activated", "grant.activated",
    ]  # fmt: skip
    with house.read() as work:
        assert audit.verify(work)[1] is None


def test_precheck_names_everything_that_submitting_would_refuse(desk: Desk) -> None:
    ask = an_ask(
        columns=[{"name": "venue_id"}, {"name": "nobody", "reason": "需要它"}],
        forms=[], scenario_id="gambling", purposes=[], purpose_text="", starts_on=date(2026, 1, 1),
        ends_on=date(2032, 1, 1), retention_days=None, row_filter={"op": "eq", "column": "rooms", "value": "x"},
    )  # fmt: skip
    with desk.write("applicant") as (work, actor):
        draft = applications.create(work, actor, ask, assets=desk.assets)
    with desk.read("applicant") as (work, actor):
        said = applications.precheck(work, actor, draft.id, assets=desk.assets)
    assert {reason.code for reason in said.blocking} == {
        "scenario-unknown", "purpose-unknown", "purpose-too-short", "retention-missing", "period-past",
        "period-too-long", "no-delivery-form", "column-without-reason", "column-unknown", "filter-value",
    }  # fmt: skip
    with pytest.raises(AccessRefused) as refused:
        submitted(desk, draft)
    assert _codes(refused) == [reason.code for reason in said.blocking]


def test_empty_draft_is_kept_and_says_what_is_missing(desk: Desk) -> None:
    with desk.write("applicant") as (work, actor):
        draft = applications.create(work, actor, an_ask(lines=()), assets=desk.assets)
    assert draft.state == State.DRAFT
    with pytest.raises(AccessRefused) as refused:
        submitted(desk, draft)
    assert _codes(refused) == ["no-datasets"]


@pytest.mark.parametrize("years", [5])
def test_period_may_be_five_years_and_not_a_day_more(desk: Desk, years: int) -> None:
    start = date(2026, 3, 2)
    last = date(2026 + years, 3, 1)
    assert an_application(desk, at=State.SUBMITTED, starts_on=start, ends_on=last).state == State.SUBMITTED
    with pytest.raises(AccessRefused) as refused:
        an_application(desk, scenario_id="weather", starts_on=start, ends_on=date(2026 + years, 3, 2))
    assert _codes(refused) == ["period-too-long"]


def test_data_not_to_be_opened_may_not_even_enter_a_draft(desk: Desk) -> None:
    with pytest.raises(AccessRefused) as refused, desk.write("applicant") as (work, actor):
        applications.create(work, actor, an_ask(RELICS), assets=desk.assets)
    assert _codes(refused) == ["dataset-not-openable"]


def test_second_application_for_the_same_scenario_waits(desk: Desk) -> None:
    an_application(desk)
    with pytest.raises(AccessRefused) as refused:
        an_application(desk)
    assert _codes(refused) == ["open-twin"]
    assert an_application(desk, scenario_id="weather").state == State.SUBMITTED


def test_plain_sensitive_column_is_advised_against_and_cannot_be_granted(desk: Desk) -> None:
    ask = an_ask(RESCUES, columns=["event_type", "caller_phone"])
    with desk.write("applicant") as (work, actor):
        draft = applications.create(work, actor, ask, assets=desk.assets)
        said = applications.precheck(work, actor, draft.id, assets=desk.assets)
    assert [reason.code for reason in said.advice] == ["level-forbids-plain"]
    found = reviewed(desk, screened(desk, submitted(desk, draft)))
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found)
    assert _codes(refused) == ["level-forbids-plain"]
    narrowed = decided(
        desk, found, outcome="narrow", narrowing={"columns": [{"name": "event_type", "use": "plain"}]}
    )
    assert narrowed.state == State.OFFERED
    offered = narrowed.lines[0].offered
    assert offered is not None
    assert [term["name"] for term in offered["columns"]] == ["event_type"]


def test_decision_may_narrow_but_not_widen(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING, quotas={"rows": 100})
    wider: list[dict[str, Any]] = [
        {"quotas": {"rows": 101}},
        {"ends_at": "2027-03-02T16:00:00Z"},
        {"columns": [{"name": "contact_phone", "use": "masked", "mask": {"kind": "redact"}}]},
    ]
    for narrowing in wider:
        with pytest.raises(AccessRefused) as refused:
            decided(desk, found, outcome="narrow", narrowing=narrowing)
        assert "decision-widens" in _codes(refused)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, outcome="narrow")
    assert _codes(refused) == ["nothing-narrowed"]
    with pytest.raises(InputRefused):
        decided(desk, found, outcome="narrow", narrowing={"ends_at": "2020-01-01T00:00:00Z"})
    assert decided(desk, found, outcome="narrow", narrowing={"quotas": {"rows": 99}}).state == State.OFFERED


def test_refusal_gives_code_and_reason(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING)
    for decision in ({}, {"reason_code": "not-minimal"}, {"reason_code": "mood", "note": "不想给他"}):
        with pytest.raises(AccessRefused) as refused:
            decided(desk, found, outcome="reject", **decision)
        assert _codes(refused) == ["refusal-needs-reason"]
    done = decided(desk, found, outcome="reject", reason_code="not-minimal", note="列数超出用途所需")
    assert (done.state, done.agreement_hash, done.lines[0].decision_code) == (
        State.REJECTED,
        "",
        "not-minimal",
    )


def test_departing_from_a_review_needs_a_reason(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW)
    found = voted(desk, found, "screener", vote="reject", note="用途说明不足")
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found)
    assert _codes(refused) == ["override-needs-reason"]
    assert decided(desk, found, note="申请方已补充说明").state == State.OFFERED


def test_returned_application_comes_back_in_a_new_turn_with_new_votes(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW)
    found = voted(desk, found, "screener")
    with desk.write("approver") as (work, actor):
        found = applications.send_back(
            work, actor, found.id, StepBody(version=found.version, note="请补充用途说明")
        )
    assert found.state == State.RETURNED
    with desk.write("applicant") as (work, actor):
        body = ApplicationSave.model_validate(
            an_ask(columns=["venue_id"]).model_dump() | {"version": found.version}
        )
        found = applications.save(work, actor, found.id, body, assets=desk.assets)
    found = screened(desk, submitted(desk, found))
    assert (found.turn, found.reviews, [s.is_done for s in found.stages]) == (2, [], [False])
    with pytest.raises(TransitionRefused):
        decided(desk, found)


# -- segregation of duties


def test_own_side_never_reviews_or_decides(desk: Desk) -> None:
    """Rule 1: neither after changing to a department nor by a second account at the bureau."""
    with desk.house.write() as work:
        wang = actor_of(work, "applicant")
        a_person(work, "turncoat", "parks", ["reviewer_business"], person_id=wang.person_id)
        a_person(work, "judge", "bureau", ["approver"], person_id=wang.person_id)
    found = an_application(desk)
    with pytest.raises(AccessRefused) as refused:
        screened(desk, found, "turncoat")
    assert _codes(refused) == ["separation-of-duties-1"]
    found = screened(desk, found)
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "turncoat")
    assert _codes(refused) == ["separation-of-duties-1"]
    found = reviewed(desk, found)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, "judge")
    assert _codes(refused) == ["separation-of-duties-1"]


def test_whoever_also_works_for_the_applicant_never_decides_though_he_did_nothing_yet(desk: Desk) -> None:
    """Rule 1: the officer has not touched the case, and acts through an account of the bureau."""
    with desk.house.write() as work:
        a_person(work, "judge", "bureau", ["approver"], person_id=actor_of(work, "officer").person_id)
    found = an_application(desk, at=State.DECIDING)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, "judge")
    assert _codes(refused) == ["separation-of-duties-1"]


def test_who_sent_it_back_in_review_reviews_again_but_does_not_decide(desk: Desk) -> None:
    """Rule 2: sending back during the reviews is a review."""
    with desk.house.write() as work:
        a_person(work, "twohats", "bureau", ["approver"], person_id=actor_of(work, "screener").person_id)
        a_person(work, "usher", "parks", ["reviewer_business"])
    found = screened(desk, an_application(desk), "usher")
    with desk.write("screener") as (work, actor):
        found = applications.send_back(
            work, actor, found.id, StepBody(version=found.version, note="请补充说明")
        )
    found = screened(desk, submitted(desk, found), "usher")
    with desk.write("screener") as (work, actor):
        offered = applications.commands(work, actor, found.id, assets=desk.assets)
    assert [each["reasons"] for each in offered if each["command"] == "review"] == [()]
    found = reviewed(desk, found)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, "twohats")
    assert _codes(refused) == ["separation-of-duties-2"]


def test_reviewer_does_not_decide_not_even_by_another_account(desk: Desk) -> None:
    """Rule 2."""
    with desk.house.write() as work:
        a_person(work, "twohats", "bureau", ["approver"], person_id=actor_of(work, "screener").person_id)
    found = an_application(desk, at=State.DECIDING)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, "twohats")
    assert _codes(refused) == ["separation-of-duties-2"]


def test_decider_of_an_earlier_round_does_not_review(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(
            work, "later", "parks", ["reviewer_business"], person_id=actor_of(work, "approver").person_id
        )
    found = an_application(desk, at=State.DECIDING)
    with desk.write("approver") as (work, actor):
        found = applications.send_back(
            work, actor, found.id, StepBody(version=found.version, note="请补充说明")
        )
    found = submitted(desk, found)
    with pytest.raises(AccessRefused) as refused:
        screened(desk, found, "later")
    assert _codes(refused) == ["separation-of-duties-2"]


def test_approver_does_not_activate(desk: Desk) -> None:
    """Rule 4, also by a second account."""
    with desk.house.write() as work:
        a_person(work, "handy", "parks", ["steward"], person_id=actor_of(work, "approver").person_id)
    grant = a_grant(desk, at="PENDING")
    with pytest.raises(AccessRefused) as refused:
        activated(desk, grant.id, "handy")
    assert _codes(refused) == ["separation-of-duties-4"]
    assert activated(desk, grant.id, "steward_a").state == "ACTIVE"


def test_whoever_applied_does_not_activate_or_resume_after_changing_sides(desk: Desk) -> None:
    """Rule 1 reaches from the application into the life of its grant."""
    with desk.house.write() as work:
        wang = actor_of(work, "applicant").person_id
        a_person(work, "turncoat", "parks", ["steward"], person_id=wang)
        a_person(work, "guardian", "bureau", ["security_officer"], person_id=wang)
    grant = a_grant(desk, at="PENDING")
    with pytest.raises(AccessRefused) as refused:
        activated(desk, grant.id, "turncoat")
    assert _codes(refused) == ["separation-of-duties-1"]
    activated(desk, grant.id)
    step = GrantStep(note="例行核查")
    with desk.write("watch") as (work, actor):
        grants.suspend(work, actor, grant.id, step)
    with pytest.raises(AccessRefused) as refused, desk.write("guardian") as (work, actor):
        grants.resume(work, actor, grant.id, step)
    assert _codes(refused) == ["separation-of-duties-1"]


def test_suspender_does_not_resume(desk: Desk) -> None:
    """Rule 5."""
    grant = a_grant(desk)
    step = GrantStep(note="下载量异常")
    with desk.write("watch") as (work, actor):
        grants.suspend(work, actor, grant.id, step)
    with pytest.raises(AccessRefused) as refused, desk.write("watch") as (work, actor):
        grants.resume(work, actor, grant.id, step)
    assert _codes(refused) == ["separation-of-duties-5"]
    with desk.write("watch2") as (work, actor):
        assert grants.resume(work, actor, grant.id, step).is_effective


def test_one_person_votes_once_and_only_on_own_stage(desk: Desk) -> None:
    with desk.house.write() as work:
        a_person(
            work, "both", "bureau", ["reviewer_security"], person_id=actor_of(work, "screener").person_id
        )
    found = an_application(desk, at=State.IN_REVIEW, ask=an_ask(RESCUES, columns=["event_type"]))
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "screener", "security")
    assert _codes(refused) == ["no-stage-for-you"]
    found = voted(desk, found, "screener", "business:parks")
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "both", "security")
    assert _codes(refused) == ["one-vote-each"]
    with pytest.raises(AccessRefused) as refused:
        voted(desk, found, "security", "security", has_no_conflict=False)
    assert _codes(refused) == ["conflict-of-interest"]
    assert voted(desk, found, "security", "security").state == State.DECIDING


# -- who sees what


def test_other_organisations_and_departments_see_nothing(desk: Desk) -> None:
    found = an_application(desk)
    for who in ("applicant2", "officer2", "roads_screener"):
        with desk.read(who) as (work, actor):
            assert applications.applications(work, actor) == ([], 0)
            with pytest.raises(NotFound):
                applications.application(work, actor, found.id)
    for who in ("applicant", "officer", "analyst", "screener", "steward_a", "approver", "auditor", "watch"):
        with desk.read(who) as (work, actor):
            assert applications.application(work, actor, found.id).id == found.id


def test_drafts_are_seen_by_their_organisation_alone(desk: Desk) -> None:
    draft = an_application(desk, at=State.DRAFT)
    for who in ("screener", "approver", "auditor"):
        with desk.read(who) as (work, actor), pytest.raises(NotFound):
            applications.application(work, actor, draft.id)
    with desk.read("officer") as (work, actor):
        assert applications.application(work, actor, draft.id).state == State.DRAFT


def test_votes_are_blind_until_all_are_in_and_never_shown_to_the_applicant(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW, ask=an_ask(RESCUES, columns=["event_type"]))
    found = voted(desk, found, "screener", "business:parks", vote="narrow", note="去掉一列更好")

    def seen(who: str) -> int:
        with desk.read(who) as (work, actor):
            return len(applications.application(work, actor, found.id).reviews)

    assert {who: seen(who) for who in ("screener", "security", "approver", "auditor", "applicant")} == {
        "screener": 1, "security": 0, "approver": 0, "auditor": 1, "applicant": 0,
    }  # fmt: skip
    found = voted(desk, found, "security", "security")
    assert {who: seen(who) for who in ("screener", "approver", "applicant")} == {
        "screener": 2,
        "approver": 2,
        "applicant": 0,
    }


def test_waiting_list_shows_each_person_their_own_turn(desk: Desk) -> None:
    people = ("applicant", "officer", "screener", "roads_screener", "security", "approver", "applicant2")

    def waiting() -> set[str]:
        found = set()
        for who in people:
            with desk.read(who) as (work, actor):
                if applications.applications(work, actor, waiting=True)[1]:
                    found.add(who)
        return found

    found = an_application(desk, at=State.DRAFT, ask=an_ask(RESCUES, columns=["event_type"]))
    assert waiting() == {"applicant"}
    found = submitted(desk, found)
    assert waiting() == {"screener"}
    found = screened(desk, found)
    assert waiting() == {"screener", "security"}
    found = voted(desk, found, "screener", "business:parks")
    assert waiting() == {"security"}
    found = voted(desk, found, "security", "security")
    assert waiting() == {"approver"}
    found = decided(desk, found)
    assert waiting() == {"officer"}
    agreed(desk, found)
    assert waiting() == set()


# -- versions, clocks, terms


def test_decision_on_an_old_version_is_stale_and_without_version_refused(desk: Desk) -> None:
    old = an_application(desk, at=State.IN_REVIEW)
    voted(desk, old, "screener")
    with pytest.raises(Stale):
        decided(desk, old)
    with pytest.raises(InputRefused), desk.write("applicant") as (work, actor):
        applications.withdraw(work, actor, old.id, StepBody())


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
    clock.forward(days=700)
    with pytest.raises(AccessRefused) as refused:
        agreed(desk, found)
    assert _codes(refused) == ["licence-lapsed"]
    with pytest.raises(AccessRefused) as refused:
        an_application(desk, at=State.DRAFT)
    assert _codes(refused) == ["licence-lapsed"]


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
    before = _kinds(desk)
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
    assert _kinds(desk) == before


# -- races, on either database


def _at_once(count: int, act: Callable[[int], object]) -> list[str]:
    """How each of `count` simultaneous attempts ended: `done`, or the name of the error."""

    def attempt(n: int) -> str:
        try:
            act(n)
        except AppError as refused:
            return type(refused).__name__
        return "done"

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(attempt, range(count)))


def test_two_approvers_at_once_make_one_decision(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.DECIDING)
    ends = _at_once(4, lambda n: decided(desk, found, ("approver", "approver2")[n % 2]))
    assert ends == ["Stale", "Stale", "Stale", "done"]


def test_terms_accepted_at_once_make_each_grant_once(house: House) -> None:
    desk = a_desk(house)
    found = an_application(desk, at=State.OFFERED)
    assert _at_once(4, lambda _: agreed(desk, found)) == ["Stale", "Stale", "Stale", "done"]
    with desk.read("officer") as (work, actor):
        assert grants.grants(work, actor)[1] == 1


def test_twins_submitted_at_once_leave_one(house: House) -> None:
    desk = a_desk(house)
    drafts = [an_application(desk, at=State.DRAFT) for _ in range(4)]
    ends = _at_once(4, lambda n: submitted(desk, drafts[n]))
    assert ends == ["AccessRefused", "AccessRefused", "AccessRefused", "done"]
