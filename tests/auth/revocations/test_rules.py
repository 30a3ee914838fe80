"""Who may answer a revocation, and when a bar holds: no database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from auth.policy.separation import Doer, Past
from auth.revocations.rules import BAR_SCOPES, BarScope, bars, covers, demand_scope, objections
from auth.revocations.workflow import State, Step
from core.errors import InputRefused

REVOKED = Past("revoke", "watch", "bureau")
DAY, NOW = date(2026, 6, 1), datetime(2026, 6, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("evidence", ["", "  ", "核查记录"])
@pytest.mark.parametrize("is_barred", [True, False])
@pytest.mark.parametrize(
    ("person", "org"), [("watch", "bureau"), ("other", "bureau"), ("other", "insurer"), ("watch", "insurer")]
)
def test_everything_against_an_answer_is_told_at_once(
    step: Step, evidence: str, is_barred: bool, person: str, org: str
) -> None:
    doer = Doer(person, frozenset({org}))
    found = objections(step, doer, revoked_by=REVOKED, org_id="insurer", evidence=evidence, is_barred=is_barred)  # fmt: skip
    wanted = []
    if step in (Step.CONFIRM, Step.OBJECT, Step.LIFT) and org == "insurer":
        wanted.append("separation-of-duties-1")
    if step in (Step.CONFIRM, Step.OBJECT) and person == "watch":
        wanted.append("revoker-does-not-confirm")
    if step is Step.CONFIRM and not evidence.strip():
        wanted.append("revocation-without-evidence")
    if step is Step.LIFT and not is_barred:
        wanted.append("no-bar")
    assert [each.code for each in found] == wanted


@pytest.mark.parametrize("state", list(State))
def test_one_person_bars_until_it_should_be_confirmed_and_two_until_its_day(state: State) -> None:
    confirmed, waits = state is State.CONFIRMED, state is State.WAITS
    ends = DAY + timedelta(days=1)
    assert bars(state, ends, NOW + SECOND, NOW, DAY) is (confirmed or waits)
    assert bars(state, ends, NOW, NOW, DAY) is confirmed
    assert bars(state, DAY, NOW + SECOND, NOW, DAY) is False, "its last day is the one before"
    assert bars(state, None, NOW + SECOND, NOW, DAY) is False


@pytest.mark.parametrize(
    ("scope", "dataset_id", "barred"),
    [("dataset", "own", True), ("dataset", "other", False), ("datasets", "named", True), ("datasets", "own", True), ("datasets", "other", False), ("everything", "other", True)],
)  # fmt: skip
def test_a_bar_covers_its_grants_dataset_those_named_or_all(
    scope: str, dataset_id: str, barred: bool
) -> None:
    named = ["named"] if scope == "datasets" else []
    assert covers(scope, "own", named, dataset_id) is barred


@pytest.mark.parametrize(
    ("scope", "named", "months", "field"),
    [
        ("dataset", [], 0, None),
        ("dataset", [], 6, None),
        ("dataset", ["a"], 6, "bar_datasets"),
        ("datasets", ["a"], 6, None),
        ("datasets", [], 6, "bar_datasets"),
        ("datasets", ["a"], 0, "bar_months"),
        ("everything", [], 6, None),
        ("everything", ["a"], 6, "bar_datasets"),
        ("everything", [], 0, "bar_months"),
    ],
)
def test_a_bar_says_for_what_and_for_how_long(
    scope: BarScope, named: list[str], months: int, field: str | None
) -> None:
    assert scope in BAR_SCOPES
    if field is None:
        demand_scope(scope, named, months)
        return
    with pytest.raises(InputRefused) as refused:
        demand_scope(scope, named, months)
    assert refused.value.facts["field"] == field
