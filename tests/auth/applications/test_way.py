"""The way of an application through people's hands: what it takes, and what stops it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from api.house import House
from auth import audit
from auth.applications import service as applications
from auth.applications.models import ApplicationSave, DeclaredStep
from auth.applications.workflow import State
from auth.identity.organisations import organisation_row
from core.errors import AccessRefused, InputRefused, TransitionRefused
from tests.desk import (
    PARKS,
    RELICS,
    RESCUES,
    Desk,
    a_desk,
    activated,
    an_application,
    an_ask,
    codes,
    decided,
    kinds,
    reviewed,
    screened,
    submitted,
    voted,
)


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def test_whole_way_makes_one_grant_per_line_on_either_database(house: House) -> None:
    desk = a_desk(house)
    lines = (*an_ask(PARKS).lines, *an_ask(RESCUES, columns=["event_type"]).lines)
    found = an_application(desk, at=State.AGREED, ask=an_ask(lines=lines))
    assert len(found.grants) == 2
    assert [stage.stage for stage in found.stages] == ["business:parks", "security"]
    for grant_id in found.grants:
        assert activated(desk, grant_id).is_effective
    said = [kind for kind in kinds(desk) if kind.startswith(("application", "grant"))]
    assert said == [
        "application.created", "application.submitted", "application.screened", "application.reviewed",
        "application.reviewed", "application.review-completed", "application.decision-proposed", "application.offered",
        "application.agreed",
        "grant.issued", "grant.issued", "grant.activated", "grant.activated",
    ]  # fmt: skip
    with house.read() as work:
        assert audit.verify(work)[1] is None


@pytest.mark.parametrize(
    ("first", "last", "against"),
    [
        (date(2026, 12, 1), date.max, ["period-too-long"]),
        (date.min, date(2027, 1, 1), ["period-past", "period-too-long"]),
        (date.max, date.max, []),
    ],
)
def test_days_at_the_ends_of_the_calendar_are_told_what_is_wrong_with_them(
    desk: Desk, first: date, last: date, against: list[str]
) -> None:
    """9999-12-31 is what people type for “without an end”: the draft stays readable."""
    found = an_application(desk, at=State.DRAFT, starts_on=first, ends_on=last)
    with desk.write("applicant") as (work, actor):
        said = applications.precheck(work, actor, found.id, assets=desk.assets).blocking
    assert [reason.code for reason in said if reason.code.startswith("period")] == against


def test_a_licence_until_the_last_day_of_the_calendar_counts(desk: Desk) -> None:
    """As a licence without an end is entered."""
    with desk.house.write() as work:
        row = organisation_row(work, "insurer", to_change=True)
        row.licence_valid_to = date.max
        work.db.add(row)
    assert submitted(desk, an_application(desk, at=State.DRAFT)).state == State.SUBMITTED


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
    assert codes(refused) == [reason.code for reason in said.blocking]


def test_empty_draft_is_kept_and_says_what_is_missing(desk: Desk) -> None:
    with desk.write("applicant") as (work, actor):
        draft = applications.create(work, actor, an_ask(lines=()), assets=desk.assets)
    assert draft.state == State.DRAFT
    with pytest.raises(AccessRefused) as refused:
        submitted(desk, draft)
    assert codes(refused) == ["no-datasets"]


@pytest.mark.parametrize("years", [5])
def test_period_may_be_five_years_and_not_a_day_more(desk: Desk, years: int) -> None:
    start = date(2026, 3, 2)
    last = date(2026 + years, 3, 1)
    assert an_application(desk, at=State.SUBMITTED, starts_on=start, ends_on=last).state == State.SUBMITTED
    with pytest.raises(AccessRefused) as refused:
        an_application(desk, scenario_id="weather", starts_on=start, ends_on=date(2026 + years, 3, 2))
    assert codes(refused) == ["period-too-long"]


def test_data_not_to_be_opened_may_not_even_enter_a_draft(desk: Desk) -> None:
    with pytest.raises(AccessRefused) as refused, desk.write("applicant") as (work, actor):
        applications.create(work, actor, an_ask(RELICS), assets=desk.assets)
    assert codes(refused) == ["dataset-not-openable"]


def test_second_application_for_the_same_scenario_waits(desk: Desk) -> None:
    an_application(desk)
    with pytest.raises(AccessRefused) as refused:
        an_application(desk)
    assert codes(refused) == ["open-twin"]
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
    assert codes(refused) == ["level-forbids-plain"]
    narrowed = decided(
        desk, found, outcome="narrow", narrowing={"columns": [{"name": "event_type", "use": "plain"}]}
    )
    assert narrowed.state == State.OFFERED
    offered = narrowed.lines[0].offered
    assert offered is not None
    assert [term["name"] for term in offered["columns"]] == ["event_type"]


@pytest.mark.parametrize("use", ["aggregate_only", "join_only"])
def test_use_that_no_form_of_the_application_serves_is_refused_before_submitting(
    desk: Desk, use: str
) -> None:
    column = {"name": "rooms", "reason": "按区统计客房数", "use": use}
    with desk.write("applicant") as (work, actor):
        draft = applications.create(work, actor, an_ask(columns=["venue_id", column]), assets=desk.assets)
        said = applications.precheck(work, actor, draft.id, assets=desk.assets)
    assert [reason.code for reason in said.blocking] == ["use-without-form"]
    found = an_application(desk, at=State.DECIDING)
    narrowing = {"columns": [{"name": "venue_id", "use": "plain"}, {"name": "rooms", "use": use}]}
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, outcome="narrow", narrowing=narrowing)
    assert codes(refused) == ["use-without-form"]


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
        assert "decision-widens" in codes(refused)
    with pytest.raises(AccessRefused) as refused:
        decided(desk, found, outcome="narrow")
    assert codes(refused) == ["nothing-narrowed"]
    with pytest.raises(InputRefused):
        decided(desk, found, outcome="narrow", narrowing={"ends_at": "2020-01-01T00:00:00Z"})
    assert decided(desk, found, outcome="narrow", narrowing={"quotas": {"rows": 99}}).state == State.OFFERED


def test_refusal_gives_code_and_reason(desk: Desk) -> None:
    found = an_application(desk, at=State.DECIDING)
    for decision in ({}, {"reason_code": "not-minimal"}, {"reason_code": "mood", "note": "不想给他"}):
        with pytest.raises(AccessRefused) as refused:
            decided(desk, found, outcome="reject", **decision)
        assert codes(refused) == ["refusal-needs-reason"]
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
    assert codes(refused) == ["override-needs-reason"]
    assert decided(desk, found, note="申请方已补充说明").state == State.OFFERED


def test_returned_application_comes_back_in_a_new_turn_with_new_votes(desk: Desk) -> None:
    found = an_application(desk, at=State.IN_REVIEW)
    found = voted(desk, found, "screener")
    with desk.write("approver") as (work, actor):
        found = applications.send_back(
            work,
            actor,
            found.id,
            DeclaredStep(has_no_conflict=True, version=found.version, note="请补充用途说明"),
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


def test_a_refusal_at_the_door_names_a_reason_of_the_list(desk: Desk) -> None:
    found = an_application(desk)
    for code in ("", "made-up"):
        with pytest.raises(InputRefused, match="code of the list"):
            screened(desk, found, outcome="reject", note="材料不齐，不予受理", reason_code=code)
    assert (
        screened(
            desk, found, outcome="reject", note="材料不齐，不予受理", reason_code="purpose-unclear"
        ).state
        is State.REJECTED
    )


@pytest.mark.parametrize("outcome", ["return", "reject"])
def test_papers_follow_only_what_is_accepted(desk: Desk, outcome: str) -> None:
    found = an_application(desk)
    missing = [{"paper": "licence", "working_days": 5}]
    with pytest.raises(InputRefused, match="leave them out"):
        screened(
            desk,
            found,
            outcome=outcome,
            note="材料不齐，请补充",
            reason_code="purpose-unclear",
            missing=missing,
        )


def test_a_vote_names_each_line_of_its_stage_once(desk: Desk) -> None:
    lines = (*an_ask(PARKS).lines, *an_ask(RESCUES, columns=["event_type"]).lines)
    found = screened(desk, an_application(desk, ask=an_ask(lines=lines)))
    first, second = ({"line_id": line.id, "vote": "approve"} for line in found.lines)
    for named in ([first], [first, first], [first, second, second]):
        with pytest.raises(InputRefused, match="votes once on each of these lines"):
            voted(desk, found, "screener", "business:parks", lines=named)
    assert voted(desk, found, "screener", "business:parks", lines=[second, first]).state is State.IN_REVIEW
