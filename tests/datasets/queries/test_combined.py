"""Combinations of any number of figures over releases: held against what a slow search over all sets of few contributors finds."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.queries.combined import Figures, Table, _times, table_of, tells_of_few
from datasets.queries.overlap import PRIME
from tests.examples import examples

PEOPLE = 7
COUNTS = st.lists(st.lists(st.integers(0, 2), min_size=PEOPLE, max_size=PEOPLE), min_size=1, max_size=6)


def rank(rows: list[list[int]]) -> int:
    """By fractions."""
    left, found = [[Fraction(value) for value in row] for row in rows], 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((at for at in range(found, len(left)) if left[at][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        for at in range(len(left)):
            if at != found and left[at][column]:
                share = left[at][column] / left[found][column]
                left[at] = [a - share * b for a, b in zip(left[at], left[found], strict=True)]
        found += 1
    return found


def fewest(rows: list[list[int]], below: int) -> int | None:
    """Of how many contributors the combination about fewest tells; None where it is `below` or more."""
    whole = rank(rows)
    for size in range(1, below):
        for few in combinations(range(len(rows[0])), size):
            others = [[value for at, value in enumerate(row) if at not in few] for row in rows]
            if rank(others) < whole:
                return size
    return None


def table(rows: list[list[int]]) -> Table:
    """Each contributor a column: as releases of which the figures were told one by one."""
    names = np.arange(len(rows[0]), dtype=np.uint64) * np.uint64(7919)

    def read_of(row: list[int]) -> Figures:
        return Figures(np.repeat(names, row), None, [np.arange(sum(row), dtype=np.int64)])

    made = table_of([lambda row=row: read_of(row) for row in rows])  # type: ignore[misc]
    assert made is not None
    return made


@settings(max_examples=examples(150), deadline=None)
@given(COUNTS, st.integers(2, 4))
def test_what_is_found_is_there_and_one_contributor_is_always_found(
    rows: list[list[int]], least: int
) -> None:
    slow, quick = fewest(rows, least), tells_of_few(table(rows), least)
    assert not quick or slow is not None
    assert quick or slow != 1


@pytest.mark.parametrize("tables", [25, pytest.param(200, marks=pytest.mark.long)])
def test_of_random_figures_no_combination_about_few_is_missed(tables: int) -> None:
    """Two or three contributors are found by bases, not for certain: here in each of 200 tables that hold such a combination."""
    chance, held, missed = np.random.default_rng(7), 0, 0
    while held < tables:
        rows = chance.integers(0, 3, (chance.integers(2, 6), 12)).tolist()
        few = chance.choice(12, chance.integers(2, 4), replace=False)
        last = [sum(column) for column in zip(*rows, strict=True)]
        rows.append([value + int(at in few) for at, value in enumerate(last)])
        if (found := fewest(rows, 4)) is not None and found > 1:
            held += 1
            missed += not tells_of_few(table(rows), 4)
    assert missed == 0


def test_amounts_are_told_apart_and_rows_without_one_add_nothing() -> None:
    """Eleven give 5 in both releases, one gives 6 instead of 5: both halves of the new release and the whole of the old one tell of that one."""
    names = np.arange(12, dtype=np.uint64)
    old, new = np.full(12, 5.0), np.full(12, 5.0)
    new[3] = 6.0
    halves = [np.arange(6), np.arange(6, 12)]

    def found(after: np.ndarray) -> bool:
        made = table_of([lambda: Figures(names, old, [np.arange(12)]), lambda: Figures(names, after, halves)])
        assert made is not None
        return tells_of_few(made, 5)

    assert found(new)
    assert not found(old)
    empty = np.full(12, np.nan)
    assert not found(empty)


def test_more_than_can_be_weighed_is_said(monkeypatch: object) -> None:
    from datasets.queries import combined

    names = np.arange(100, dtype=np.uint64)
    reads = [lambda at=at: Figures(names, None, [np.arange(at, 100)]) for at in range(5)]  # type: ignore[misc]
    monkeypatch.setattr(combined, "CELLS", 10)  # type: ignore[attr-defined]
    assert table_of(reads) is None


def test_the_product_is_exact() -> None:
    chance = np.random.default_rng(3)
    one, other = (chance.integers(0, PRIME, size) for size in ((5, 60), (60, 7)))
    slow = [
        [sum(int(a) * int(b) for a, b in zip(row, column, strict=True)) % PRIME for column in other.T]
        for row in one
    ]
    assert _times(one, other).tolist() == slow
