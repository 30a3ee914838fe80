"""A wide table is typed exactly like the narrow one, only by another road."""

from __future__ import annotations

import pytest

from datasets.intake import scan
from datasets.intake.facts import Intake
from tests.datasets.intake.conftest import Bench

CELLS = ("NA,1,1.5,true,2026-01-02,2026/1/2,08:30,,x,NA", "2,NA,2.5,false,,2026/1/3,NA,,NA,3.5")
TYPES = ["integer", "integer", "number", "boolean", "date", "date", "time", "string", "string", "number"]


def a_file(repeats: int, rows: int = 30) -> str:
    header = ",".join(f"h{i}" for i in range(10 * repeats))
    return "\n".join([header, *(",".join([CELLS[row % 2]] * repeats) for row in range(rows))]) + "\n"


def told(found: Intake) -> list[tuple[str, int]]:
    return [(column.type, column.nulls) for column in found.columns]


def test_hundreds_of_columns_get_the_types_that_ten_would_get(bench: Bench) -> None:
    narrow = bench.reads(a_file(1))
    assert [kind for kind, _ in told(narrow)] == TYPES
    ten = bench.rows()
    wide = bench.reads(a_file(40))
    assert told(wide) == told(narrow) * 40
    assert bench.rows() == [row * 40 for row in ten]


def test_both_roads_of_counting_agree(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    one = bench.reads(a_file(3))
    monkeypatch.setattr(scan, "AT_ONCE", 7)
    monkeypatch.setattr(scan, "LONG_AT_ONCE", 4)
    other = bench.reads(a_file(3))
    assert told(one) == told(other)
    assert one.findings == other.findings
