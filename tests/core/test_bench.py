"""The bench's words: a bar is met or not, a section that fails stops no other, and the page has its marks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import bars, report
from tests.bench.bars import Given, Line, at_most


def test_a_section_that_fails_says_so_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_: Given) -> Iterator[Line]:
        yield at_most("one", 1.25, 1.5, " ×")
        raise SystemExit("no | client")

    def slow(_: Given) -> Iterator[Line]:
        yield at_most("two", 51, 50, " ms", 0)

    monkeypatch.setattr(bars, "SECTIONS", {"broken": broken, "slow": slow})
    told = bars.run(Given(tmp_path, 1, 1), ["broken", "slow"]).splitlines()[4:]
    assert told == [
        "| one | 1.25 × | ≤ 1.5 × | yes |",
        "| broken | failed: no / client |  | **no** |",
        "| two | 51 ms | ≤ 50 ms | **no** |",
    ]
    page = tmp_path / "bench.md"
    page.write_text(report.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    report.write("figures", page, bars.MARKS)
    assert "<!-- delivery: begin -->\nfigures\n<!-- delivery: end -->" in page.read_text(encoding="utf-8")
