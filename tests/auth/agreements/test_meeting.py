"""A collective decision is on record with its meeting, its day and the hash of its minutes, or it is not."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from auth.agreements.model import Meeting
from auth.agreements.rules import _meeting


@pytest.mark.parametrize(
    ("name", "day", "minutes"), list(product(("", " ", "局党组会"), (None, date(2026, 3, 2)), ("", "a" * 64)))
)
def test_all_three_parts_are_needed(name: str, day: date | None, minutes: str) -> None:
    found = [each.code for each in _meeting(Meeting(name=name, held_on=day, minutes_sha256=minutes))]
    assert found == ([] if name.strip() and day and minutes else ["no-collective-decision"])
