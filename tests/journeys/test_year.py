"""A small year through the real services: every sum agrees, the record verifies offline, and each page of supervision answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.year import Scale, approve_in_parallel, decide_in_parallel, make
from tests.campaigns.year_watched import measure


@pytest.mark.filterwarnings("ignore::core.calendar.UnknownYearWarning")  # days of the year after
@pytest.mark.long
def test_a_small_year_agrees_with_itself(tmp_path: Path) -> None:
    year = make(tmp_path / "data", Scale(enterprises=6, applications=18, granted=6, lines=240))
    found = measure(year)
    assert found["agreement"]["lines"] >= 240
    assert found["offline"]["events"] > 240
    # A year plays no cases of the registers: theirs are replayed after each test of auth.
    assert found["replayed"] == {"applications": 18, "grants": 6, "cases": 0, "ledgers": 6}
    assert found["profile dry run, other self-check limits"]["median_ms"] > 0
    assert decide_in_parallel(year, deciders=6, each=2)["acts"] == 12
    assert approve_in_parallel(year, approvers=3, each=2)["acts"] == 6
    year.house.engine.dispose()
