"""One suite, one verdict: DuckDB and pandas agree on every rule over every nasty table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from quality.engine import run_suite
from quality.suite import Suite
from quality.verdict import EngineName, FailingRow, Outcome
from quality.vocabulary import TYPES
from tests.quality.cases import CASES, Case
from tests.quality.cross_cases import CASES as CROSS_CASES
from tests.quality.tables import COLUMNS, TABLES, write

pytestmark = [pytest.mark.gx, pytest.mark.long]

WHOLE = "nasty"
FIELDS = (
    "outcome",
    "element_count",
    "unexpected_count",
    "unexpected_percent",
    "failing_rows",
    "observed_value",
    "examples",
    "failing_keys",
)
Listed = dict[int, list[FailingRow]]
Judged = tuple[list[Outcome], Listed]
Judge = Callable[[str, EngineName], Judged]


def cases_for(table: str) -> Sequence[Case]:
    """Every case on the nastiest table; a third of them, another third each time, on the others."""
    return CASES if table == WHOLE else CASES[sorted(TABLES).index(table) % 3 :: 3]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    folder: Path = tmp_path_factory.mktemp("tables")

    @cache
    def judged(table: str, engine: EngineName) -> Judged:
        listed: Listed = {}

        def failing(place: int, _: Outcome, batches: Iterator[Sequence[FailingRow]]) -> None:
            listed[place] = [row for rows in batches for row in rows]

        rules = [{"type": name, "kwargs": kwargs} for name, kwargs in cases_for(table)]
        suite = Suite.from_data({"name": "every type", "expectations": rules})
        path = write(table, folder)
        found = run_suite(suite, path, engine=engine, keys=list(COLUMNS), failing=failing)
        return found.expectations, listed

    return judged


def test_every_expectation_type_has_a_case() -> None:
    assert {name for name, _ in (*CASES, *CROSS_CASES)} == set(TYPES)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) or isinstance(right, float):
        return left is not None and right is not None and left == pytest.approx(right, rel=1e-9, abs=1e-12)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)


def differences(cases: Sequence[Case], one: list[Outcome], other: list[Outcome]) -> list[str]:
    """What the first engine's outcomes have that the second's have not, one line per rule."""
    found = []
    for (name, kwargs), left, right in zip(cases, one, other, strict=True):
        for field in FIELDS:
            if not _same(getattr(left, field), getattr(right, field)):
                found.append(
                    f"{name} {kwargs}: {field} {getattr(left, field)!r} / {getattr(right, field)!r} ({left.error} / {right.error})"
                )
                break
    return found


@pytest.mark.parametrize("table", TABLES)
def test_both_engines_give_the_same_outcomes_counts_and_failing_rows(table: str, judge: Judge) -> None:
    found = differences(cases_for(table), judge(table, "duckdb")[0], judge(table, "pandas")[0])
    assert not found, f"{len(found)} differences\n" + "\n".join(found)


@pytest.mark.parametrize("table", TABLES)
def test_the_complete_list_is_the_same_on_both_engines_and_begins_as_the_verdict_does(
    table: str, judge: Judge
) -> None:
    (outcomes, one), (_, other) = judge(table, "duckdb"), judge(table, "pandas")
    assert one.keys() == other.keys()
    for place, outcome in enumerate(outcomes, start=1):
        rows = one.get(place, [])
        assert len(rows) == (outcome.unexpected_count or 0), outcome
        for here, there in zip(rows, other.get(place, []), strict=True):
            assert (here.row, here.keys) == (there.row, there.keys), outcome
            assert _same(here.value, there.value), (outcome, here, there)
        if outcome.failing_rows:
            assert sorted({each.row for each in rows if each.row is not None}) == outcome.failing_rows
            by_row = {each.row: each.keys for each in rows}
            assert [by_row[row] for row in outcome.failing_rows] == outcome.failing_keys
