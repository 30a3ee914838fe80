"""A small year through the real services: every sum agrees, the record verifies offline, and each page of supervision answers."""

from __future__ import annotations

from pathlib import Path

from tests.campaigns.year import Scale, decide_in_parallel, make, measure


def test_a_small_year_agrees_with_itself(tmp_path: Path) -> None:
    year = make(tmp_path / "data", Scale(enterprises=6, applications=18, granted=6, lines=240))
    found = measure(year)
    assert found["agreement"]["lines"] >= 240
    assert found["offline"]["events"] > 240
    assert decide_in_parallel(year, deciders=6, each=2)["decisions"] == 12
    year.house.engine.dispose()
