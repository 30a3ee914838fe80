"""What may be begun in the register, how long it is valid, and what a grant must find there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from auth.registrations import rules
from auth.registrations.rules import LACKING, Entry, Standing
from auth.registrations.workflow import OPEN, Act, State

DAY = date(2026, 3, 2)
BEFORE = Entry(Act.FIRST, State.REGISTERED, "R-1", date(2024, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("held", Act)
@pytest.mark.parametrize("act", Act)
def test_one_act_at_a_time_and_only_on_what_stands(act: Act, held: Act, state: State) -> None:
    stands = state is State.REGISTERED and held is not Act.CANCELLATION
    said = ["registration-open"] * (state in OPEN)
    said += ["registered-already"] * (act is Act.FIRST and stands)
    said += ["not-registered"] * (act is not Act.FIRST and not stands)
    found = list(rules.act_objections(act, [Entry(held, state, "R-1", DAY, DAY)]))
    assert [each.code for each in found] == said
    assert {each.basis for each in found} <= {rules.BASIS}


@pytest.mark.parametrize("act", Act)
def test_without_a_record_there_is_a_first_registration_and_nothing_else(act: Act) -> None:
    said = [] if act is Act.FIRST else ["not-registered"]
    assert [each.code for each in rules.act_objections(act, [])] == said


def test_a_first_registration_is_valid_from_its_day_for_whole_years() -> None:
    three = (DAY, date(2029, 3, 1))
    assert rules.validity(Act.FIRST, None, DAY, 3) == three
    assert rules.validity(Act.FIRST, BEFORE, DAY, 3) == three
    assert rules.validity(Act.RENEWAL, None, DAY, 3) == three
    endless = Entry(Act.FIRST, State.REGISTERED, "R-1", DAY, None)
    assert rules.validity(Act.RENEWAL, endless, DAY, 3) == three
    assert rules.validity(Act.FIRST, None, DAY, 1) == (DAY, date(2027, 3, 1))


@pytest.mark.parametrize(
    ("today", "begins", "ends"),
    [
        (date(2026, 11, 1), date(2024, 1, 1), date(2029, 12, 31)),
        (date(2026, 12, 31), date(2024, 1, 1), date(2029, 12, 31)),
        (date(2027, 1, 1), date(2024, 1, 1), date(2029, 12, 31)),  # the very next day: without a gap
        (date(2027, 1, 2), date(2027, 1, 2), date(2030, 1, 1)),
    ],
)
def test_a_renewal_goes_on_where_the_old_one_ends_and_a_late_one_begins_anew(
    today: date, begins: date, ends: date
) -> None:
    assert rules.validity(Act.RENEWAL, BEFORE, today, 3) == (begins, ends)


def test_a_cancellation_ends_today_and_what_is_put_right_keeps_its_days() -> None:
    assert rules.validity(Act.CANCELLATION, BEFORE, DAY, 3) == (BEFORE.valid_from, DAY)
    for act in set(Act) - {Act.FIRST, Act.RENEWAL, Act.CANCELLATION}:
        assert rules.validity(act, BEFORE, DAY, 3) == (BEFORE.valid_from, BEFORE.valid_to)


@pytest.mark.parametrize(("until", "runs"), [(None, False), (DAY - timedelta(days=1), False), (DAY, True), (DAY + timedelta(days=1), True)])  # fmt: skip
def test_nothing_is_registered_while_the_public_may_object(until: date | None, *, runs: bool) -> None:
    found = list(rules.notice_objections(until, DAY))
    assert [(each.code, each.facts) for each in found] == [("notice-running", {"until": str(until)})] * runs
    assert all(str(until) in each.text.zh and str(until) in each.text.en for each in found)


@pytest.mark.parametrize("where", Standing)
@pytest.mark.parametrize("valid_to", [None, DAY, DAY + timedelta(days=1)])
@pytest.mark.parametrize("ends_on", [DAY, DAY + timedelta(days=1)])
def test_a_grant_lies_within_the_registration_of_its_data(
    where: Standing, valid_to: date | None, ends_on: date
) -> None:
    found = list(rules.grant_objections("D-1", where, valid_to, ends_on, "R06"))
    beyond = where is Standing.REGISTERED and valid_to is not None and ends_on > valid_to
    said: list[tuple[str, dict[str, object]]] = []
    if where in LACKING:
        said = [("dataset-not-registered", {"dataset": "D-1", "standing": where.value})]
    elif beyond:
        said = [("outside-registration", {"dataset": "D-1", "valid_to": str(valid_to)})]
    assert [(each.code, each.facts) for each in found] == said
    used = [(each.code, each.facts, each.basis) for each in rules.use_objections("D-1", where, "R06")]
    lacks = ("registration-not-valid", {"dataset": "D-1", "standing": where.value}, "R06")
    assert used == [lacks] * (where in LACKING)
