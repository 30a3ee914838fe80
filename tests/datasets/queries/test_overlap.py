"""How many contributors an atom has: counted by pairs in one pass, and here by sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.queries.overlap import Atoms, _people
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
