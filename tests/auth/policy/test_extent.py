"""How far a policy may reach: to the last day of the longest period, to the last day of retention, within known scenarios and purposes."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from auth.policy.extent import extent_objections, latest_end, purpose_objections
from auth.policy.filters.rules import LOCAL
from auth.policy.limits import limits
from tests.auth.policy.test_decisions import a_policy

NUMBERS = limits().numbers
YEARS, RETAINED = NUMBERS["max_grant_years"].value, NUMBERS["max_retention_days"].value
FIRST = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("first", "years", "last"),
    [
        (date(2026, 3, 2), 1, date(2027, 3, 1)),
        (date(2024, 2, 29), 1, date(2025, 2, 28)),
        (date(2024, 2, 29), 4, date(2028, 2, 28)),
        (date(2026, 1, 1), 3, date(2028, 12, 31)),
    ],
)
def test_the_last_day_of_the_longest_period(first: date, years: int, last: date) -> None:
    assert latest_end(first, years) == last


@pytest.mark.parametrize(
    ("beyond", "retained", "codes"),
    [
        (0, RETAINED, []),
        (1, RETAINED, ["period-too-long"]),
        (0, RETAINED + 1, ["retention-too-long"]),
        (1, RETAINED + 1, ["period-too-long", "retention-too-long"]),
    ],
)
def test_what_lasts_a_day_too_long_is_named(beyond: int, retained: int, codes: list[str]) -> None:
    last = latest_end(FIRST, YEARS) + timedelta(days=beyond)
    starts, ends = (
        datetime.combine(day, datetime.min.time(), LOCAL) for day in (FIRST, last + timedelta(days=1))
    )
    policy = a_policy(starts_at=starts, ends_at=ends, retention_days=retained)
    assert [each.code for each in extent_objections(policy, limits())] == codes


@pytest.mark.parametrize(
    ("changes", "codes", "named"),
    [
        ({}, [], []),
        ({"scenario_id": "gone"}, ["scenario-unknown"], ["gone"]),
        ({"purposes": ["risk-pricing", "gone", "lost"]}, ["purpose-unknown"], ["gone, lost"]),
        ({"scenario_id": "gone", "purposes": ["lost"]}, ["scenario-unknown", "purpose-unknown"], ["gone", "lost"]),
    ],
)  # fmt: skip
def test_a_scenario_or_purpose_that_the_profile_lost_is_named(
    changes: dict[str, Any], codes: list[str], named: list[str]
) -> None:
    found = list(purpose_objections(a_policy(**changes), limits()))
    assert [each.code for each in found] == codes
    assert all(name in each.text.en for name, each in zip(named, found, strict=True))
