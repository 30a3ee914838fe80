"""The dry run of a profile tells what would stop a live grant at its use, and goes on past a grant that it cannot read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from api.house import House
from auth.duties import overdue
from auth.duties.workflow import Kind
from auth.grants import dormancy
from auth.grants.tables import GrantRow
from auth.policy.model import ColumnTerm, DeliveryForm, GrantPolicy, Use
from auth.policy.serving import Holding
from auth.profile import service
from auth.profile.model import Number, Profile, Reach, shipped
from auth.vouching import service as vouches
from auth.vouching.service import VouchGive
from tests.auth.agreements.scene import in_force
from tests.conftest import TestClock
from tests.desk import PARKS, Desk, a_desk, a_grant
from tests.people import a_person

GENERIC = shipped()["generic-open-data"]


def _with(numbers: dict[str, int], **changes: Any) -> Profile:
    said = {key: Number(value=value, source="local policy of the tests") for key, value in numbers.items()}
    return GENERIC.model_copy(update={"numbers": {**GENERIC.numbers, **said}, **changes})


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _told(desk: Desk, profile: Profile) -> dict[str, set[str]]:
    with desk.read("auditor") as (work, _):
        found = service.dry_run(work, profile, assets=desk.assets)
    return {each.grant_id: {reason.code for reason in each.reasons} for each in found}


def test_grants_that_would_sleep_or_owe_are_named(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    sleepy = _with({dormancy.KEY: 60})
    monthly = _with({"use_report_months": 1, "use_report_days": 5})
    stopping = monthly.model_copy(update={"blocking_duties": {Kind.USE_REPORT: Reach.GRANT}})
    clock.forward(days=30)
    assert [_told(desk, each) for each in (GENERIC, sleepy, monthly, stopping)] == [{}] * 4
    clock.forward(days=32)
    assert _told(desk, GENERIC) == {}
    assert _told(desk, sleepy) == {grant.id: {"grant-dormant"}}
    assert _told(desk, monthly) == {grant.id: {"duty-overdue"}}
    assert _told(desk, stopping) == {grant.id: {"blocking-duty-overdue"}}


def test_only_reports_that_the_change_makes_late_are_told(desk: Desk, clock: TestClock) -> None:
    """One is late by the days in force already: that is no fault of the proposed version."""
    a_grant(desk)
    now = _with({"use_report_months": 2, "use_report_days": 5})
    in_force(desk, now)
    sooner = _with({"use_report_months": 1, "use_report_days": 5})
    clock.forward(days=70)
    with desk.read("auditor") as (work, _):
        (found,) = service.dry_run(work, sooner, assets=desk.assets)
        assert service.dry_run(work, now, assets=desk.assets) == []
    said = [reason.text.en for reason in found.reasons]
    assert len(said) == len(set(said)) == 1, said


def _rewritten(desk: Desk, grant_id: str, policy: GrantPolicy) -> None:
    with desk.house.write() as work:
        row = work.db.get_one(GrantRow, grant_id)
        row.policy, row.policy_hash = policy.canonical().decode(), policy.hash


def test_a_use_that_loses_its_form_is_told(desk: Desk) -> None:
    grant = a_grant(desk)
    with desk.house.read() as work:
        policy = GrantPolicy.model_validate_json(work.db.get_one(GrantRow, grant.id).policy)
    term = ColumnTerm(name=policy.columns[0].name, use=Use.AGGREGATE_ONLY)
    forms = (DeliveryForm.EXTRACT_CSV, DeliveryForm.QUERY_AGG)
    changes = {"columns": (term, *policy.columns[1:]), "delivery_forms": forms}
    _rewritten(desk, grant.id, GrantPolicy.model_validate(policy.model_dump() | changes))
    assert _told(desk, GENERIC) == {}
    files_only = GENERIC.model_copy(update={"forms": {2: (DeliveryForm.EXTRACT_CSV,)}})
    assert _told(desk, files_only) == {grant.id: {"level-forbids-form", "use-without-form"}}


def _holding(desk: Desk, *forms: DeliveryForm, scenario_id: str = "safety", **said: int) -> str:
    """A grant with these forms and safeguards."""
    grant = a_grant(desk, scenario_id=scenario_id)
    with desk.house.read() as work:
        policy = GrantPolicy.model_validate_json(work.db.get_one(GrantRow, grant.id).policy)
    changes = {"delivery_forms": forms, "safeguards": said}
    _rewritten(desk, grant.id, GrantPolicy.model_validate(policy.model_dump() | changes))
    return grant.id


@pytest.mark.parametrize(
    ("checkers", "expected"),
    [
        ({}, set()),
        ({1: {DeliveryForm.PREVIEW: 1}}, {"preview-needs-review"}),
        ({1: {DeliveryForm.EXTRACT_CSV: 1}}, {"preview-needs-review"}),
        ({1: {DeliveryForm.QUERY_AGG: 1}}, set()),
        ({2: {DeliveryForm.PREVIEW: 2}}, set()),
    ],
)  # fmt: skip
def test_a_preview_that_would_need_a_review_is_told(
    desk: Desk, checkers: dict[int, dict[DeliveryForm, int]], expected: set[str]
) -> None:
    """Whatever else the dataset lacks is no matter of the profile."""
    grant_id = _holding(desk, DeliveryForm.PREVIEW, DeliveryForm.EXTRACT_CSV, DeliveryForm.QUERY_DP)
    desk.lacking = Holding()
    desk.known[PARKS.dataset_id] = replace(PARKS, level=1)
    proposed = Profile.model_validate(GENERIC.model_dump() | {"checkers": checkers})
    assert _told(desk, proposed).get(grant_id, set()) == expected


def test_a_budget_below_the_least_of_one_question_is_told_where_such_questions_are_granted(
    desk: Desk,
) -> None:
    asking = _holding(desk, DeliveryForm.QUERY_DP, epsilon_micro=400_000)
    other = _holding(desk, DeliveryForm.EXTRACT_CSV, scenario_id="parking", epsilon_micro=400_000)
    found = {least: _told(desk, _with({"query_dp_epsilon_least": least})) for least in (400_000, 400_001)}
    assert "safeguard-leaves-nothing" not in found[400_000].get(asking, set())
    assert "safeguard-leaves-nothing" in found[400_001][asking]
    assert "safeguard-leaves-nothing" not in found[400_001].get(other, set())


def test_a_grant_that_cannot_be_read_is_named_and_the_others_are_told(desk: Desk) -> None:
    broken, other = a_grant(desk), a_grant(desk, scenario_id="parking")
    with desk.house.write() as work:
        work.db.get_one(GrantRow, broken.id).policy_hash = "0" * 64
    told = _told(desk, GENERIC.model_copy(update={"forms": {2: ()}}))
    assert told[broken.id] == {"policy-unenforceable"}
    assert "level-forbids-form" in told[other.id]


def test_a_report_is_late_from_the_day_after_its_last(desk: Desk, clock: TestClock) -> None:
    grant = a_grant(desk)
    monthly = _with({"use_report_months": 1, "use_report_days": 5})
    clock.forward(days=40)
    with desk.read("auditor") as (work, _):
        row = work.db.get_one(GrantRow, grant.id)
        last = min(due.due_on for due in overdue.missing(work, row, monthly.limits()))
    clock.now = clock.now.fromisoformat(f"{last}T04:00:00+00:00")
    assert _told(desk, monthly) == {}
    clock.forward(days=1)
    assert _told(desk, monthly) == {grant.id: {"duty-overdue"}}


def test_a_grant_of_data_that_is_gone_is_named(desk: Desk) -> None:
    grant = a_grant(desk)
    del desk.known[PARKS.dataset_id]
    assert _told(desk, GENERIC) == {grant.id: {"dataset-gone"}}


def test_the_only_person_whom_nobody_vouches_for_is_told_in_the_singular(desk: Desk) -> None:
    grant = a_grant(desk, members=("analyst",))
    with desk.read("auditor") as (work, _):
        (found,) = service.dry_run(work, GENERIC.model_copy(update={"vouching": True}), assets=desk.assets)
    assert (found.grant_id, service.people_stopped([found])) == (grant.id, 1)
    assert found.reasons[0].text.en.startswith("The one person who may use the grant")


def test_people_whom_nobody_vouches_for_are_counted_once_and_only_where_that_is_new(
    desk: Desk, clock: TestClock
) -> None:
    first, second = a_grant(desk), a_grant(desk, scenario_id="parking")
    vouching = GENERIC.model_copy(update={"vouching": True})
    with desk.house.write() as work:
        a_person(work, "counter1", first.org_id, ["analyst"])
        a_person(work, "counter2", first.org_id, ["analyst"])
        a_person(work, "reader", first.org_id, ["applicant"])

    def told() -> tuple[dict[str, int], int]:
        with desk.read("auditor") as (work, _):
            found = service.dry_run(work, vouching, assets=desk.assets)
            assert all(reason.code == "members-not-vouched" for each in found for reason in each.reasons)
            return {each.grant_id: len(each.stopped) for each in found}, service.people_stopped(found)

    (grants, people) = told()
    assert set(grants) == {first.id, second.id}
    assert set(grants.values()) == {people}
    before = people
    with desk.write("officer") as (work, actor):
        vouches.give(work, actor, VouchGive(username="counter1", until=clock.now.date() + timedelta(days=10)))
    assert told()[1] == before - 1
    clock.forward(days=12)
    assert told()[1] == before, "a vouching that has lapsed counts no more"
    in_force(desk, vouching)
    assert _told(desk, vouching) == {}, "who is stopped already is not stopped by the change"
