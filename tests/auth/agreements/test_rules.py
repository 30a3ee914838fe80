"""Whether a grant lies inside an agreement: at its first and last day, in its scenarios or, where it covers the whole, in any."""

from __future__ import annotations

from datetime import date

import pytest

from auth.agreements.model import Mode
from auth.agreements.rules import Covering, covers

FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("scenario", ["safety", "other"])
@pytest.mark.parametrize(
    ("starts_on", "ends_on", "inside"),
    [
        (FIRST, LAST, True),
        (date(2026, 2, 1), date(2026, 2, 1), True),
        (date(2025, 12, 31), LAST, False),
        (FIRST, date(2027, 1, 1), False),
    ],
)
def test_a_grant_lies_inside_by_its_days_and_its_scenario(
    mode: Mode, scenario: str, starts_on: date, ends_on: date, *, inside: bool
) -> None:
    agreement = Covering("A-1", "协议", mode, frozenset({"safety"}), FIRST, LAST)
    covered = mode is Mode.WHOLE or scenario == "safety"
    assert covers(agreement, scenario, starts_on, ends_on) is (inside and covered)
