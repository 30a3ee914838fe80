"""How many contributors an atom has: counted by pairs in one pass, and here by sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from datasets.queries.overlap import Atoms, _people, betrays, eliminated, no_atoms, refined
from tests.examples import examples

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=40)


@settings(max_examples=examples(100), deadline=None)
@given(ROWS)
def test_contributors_of_each_atom_are_those_of_its_rows(rows: list[tuple[int, int]]) -> None:
    """`rows`: the atom of each with its contributor."""
    labels, who = (np.array(each, np.uint32) for each in zip(*rows, strict=True))
    counted = np.bincount(labels, minlength=4)
    found = _people(Atoms(labels, np.zeros((0, 4), np.int64)), who, counted)
    assert [int(number) for number in found[1:]] == [
        len({person for atom, person in rows if atom == each}) for each in range(1, 4)
    ]


def test_two_atoms_side_by_side_keep_their_contributors_apart() -> None:
    """The last contributor of one atom and the first of the next have numbers that follow one another."""
    labels, who = np.array([1, 1, 1, 2, 2, 2], np.uint32), np.array([0, 1, 2, 0, 1, 2], np.uint32)
    found = _people(Atoms(labels, np.zeros((0, 3), np.int64)), who, np.bincount(labels))
    assert found.tolist() == [0, 3, 3]


def _atoms(rows: list[int], *figures: list[int]) -> Atoms:
    """`rows`: the atom of each; `figures`: the atoms that each is made of."""
    width = max(rows) + 1
    parts = [[int(atom in figure) for atom in range(width)] for figure in figures]
    return Atoms(np.array(rows, np.uint32), np.array(parts, np.int64).reshape(len(figures), width))


@pytest.mark.parametrize(
    ("rows", "figures", "betrayed"),
    [
        ([1, 1, 2, 2], [[1, 2]], False),  # two small ones, told together alone
        ([1, 1, 2, 2], [[1, 2], [1]], True),
        ([1, 1, 2, 2, 2, 2], [[1, 2], [2]], True),  # the difference is the small one
        ([1, 1, 2, 2, 2, 2], [[1, 2]], False),
        ([1, 1, 2, 2, 2, 2], [[2]], False),
        ([1, 1, 1, 1], [[1]], False),
        ([1, 1, 1], [[1]], True),
        ([0, 0, 1, 1, 1, 1], [[1]], False),  # few rows in no figure are nobody's
        ([1, 1, 2, 2, 3, 3], [[1, 2], [2, 3]], False),
        ([1, 1, 2, 2, 3, 3], [[1, 2], [2, 3], [1, 3]], True),  # one from half of the sum
        ([1, 2, 3], [[1, 2, 3]], True),
    ],
)
def test_a_group_of_fewer_than_four_is_betrayed_by_what_holds_it_alone(
    rows: list[int], figures: list[list[int]], *, betrayed: bool
) -> None:
    assert betrays(_atoms(rows, *figures), None, 4) is betrayed
    assert betrays(_atoms(rows, *figures), np.arange(len(rows), dtype=np.uint32), 4) is betrayed


def test_many_rows_of_few_contributors_are_few() -> None:
    rows, who = [1] * 8, np.array([0, 0, 0, 0, 1, 1, 2, 2], np.uint32)
    assert betrays(_atoms(rows, [1]), who, 4)
    assert not betrays(_atoms(rows, [1]), who, 3)
    both = [1] * 4 + [2] * 4  # the same two are in either
    assert betrays(_atoms(both, [1, 2]), np.array([0, 1, 0, 1] * 2, np.uint32), 3)
    assert not betrays(_atoms(both, [1, 2]), np.array([0, 1, 0, 1, 0, 2, 0, 2], np.uint32), 3)


def test_nothing_told_betrays_nobody() -> None:
    assert not betrays(no_atoms(5), None, 4)
    assert not betrays(no_atoms(5), np.arange(5, dtype=np.uint32), 4)


@pytest.mark.parametrize(
    ("matrix", "columns", "rank", "reduced"),
    [
        ([[2, 4], [1, 3]], 2, 2, [[1, 0], [0, 1]]),
        ([[1, 2], [2, 4]], 2, 1, [[1, 2], [0, 0]]),
        ([[0, 0, 1], [0, 2, 0]], 3, 2, [[0, 1, 0], [0, 0, 1]]),
        ([[1, 0, 0], [0, 0, 1], [0, 1, 0]], 3, 3, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        ([[0, 1, 5], [1, 0, 7]], 1, 1, [[1, 0, 7], [0, 1, 5]]),
    ],
)
def test_rows_are_reduced_exactly(
    matrix: list[list[int]], columns: int, rank: int, reduced: list[list[int]]
) -> None:
    made, found = eliminated(np.array(matrix, np.int64), columns)
    assert (made.tolist(), found) == (reduced, rank)


def test_atoms_are_split_by_each_further_partition() -> None:
    first = refined(no_atoms(5), [BitMap([0, 1, 2])])
    assert first is not None
    assert first.labels.tolist() == [1, 1, 1, 0, 0]
    assert first.parts.tolist() == [[0, 1]]
    second = refined(first, [BitMap([2, 3]), BitMap([4])])
    assert second is not None
    assert second.labels.tolist() == [3, 3, 4, 1, 2]
    assert second.parts.tolist() == [[0, 0, 0, 1, 1], [0, 1, 0, 0, 1], [0, 0, 1, 0, 0]]
    whole = refined(no_atoms(2), [BitMap([0, 1])])
    assert whole is not None
    assert (whole.labels.tolist(), whole.parts.tolist()) == ([1, 1], [[0, 1]])
    many = BitMap(range(70))
    long = refined(no_atoms(100), [many, BitMap(range(70, 80))])
    assert long is not None
    assert np.bincount(long.labels).tolist() == [20, 70, 10]
