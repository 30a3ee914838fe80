"""What makes answers fast changes none: figures and row sets against a slow reference, caches that stay within their room."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from datasets.queries import cache_files, engine
from datasets.queries.bitmaps import bitmap, bitmaps
from datasets.queries.history import digest_of
from datasets.queries.rules import Figure
from tests.examples import examples

CELLS = 4
ROWS = st.lists(
    st.tuples(st.integers(0, CELLS - 1), st.integers(0, 6), st.integers(-50, 50)), min_size=1, max_size=60
)


def _slowly(rows: list[tuple[int, int, int]], *, owned: bool, summed: bool) -> list[Figure]:
    made: list[dict[int, float]] = [defaultdict(float) for _ in range(CELLS)]
    counted = [0] * CELLS
    for place, (cell, owner, value) in enumerate(rows):
        counted[cell] += 1
        made[cell][owner if owned else place] += value
    found = []
    for cell in range(CELLS):
        shares = sorted((abs(each) for each in made[cell].values()), reverse=True) if summed else []
        first, second = (*shares, 0.0, 0.0)[:2]
        value = sum(row[2] for row in rows if row[0] == cell) if summed else 0.0
        found.append(Figure(counted[cell], len(made[cell]), sum(shares), first, second, value))
    return found


@settings(max_examples=examples(60), deadline=None)
@given(ROWS, st.booleans(), st.booleans(), st.booleans())
def test_figures_are_those_of_a_slow_count(
    rows: list[tuple[int, int, int]], owned: bool, summed: bool, sparse: bool
) -> None:
    cell = np.array([row[0] for row in rows], np.int64)
    who = np.array([row[1] for row in rows], np.uint32) if owned else None
    values = np.array([row[2] for row in rows], np.float64) if summed else None
    with pytest.MonkeyPatch.context() as patch:
        if sparse:
            patch.setattr(engine, "_DENSE", 0)
        made = engine.makers(CELLS, cell, np.arange(len(rows)), who)
        assert engine.figures(made, values) == _slowly(rows, owned=owned, summed=summed)


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.05, 0.0626, 0.5, 1.0]), st.integers(1, 200_000))
def test_bitmaps_are_those_made_value_by_value(seed: int, part: float, rows: int) -> None:
    places = np.flatnonzero(np.random.default_rng(seed).random(rows) < part).astype(np.uint32)
    made, slow = bitmap(places, rows), BitMap(places)
    assert made == slow
    made.run_optimize()
    slow.run_optimize()
    assert made.serialize() == slow.serialize()  # equal sets have one name


@settings(max_examples=examples(40), deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 40, 254, 255, 300]), st.sampled_from([0.001, 0.3, 1.0]),
    st.integers(1, 150_000),
)  # fmt: skip
def test_row_sets_are_those_sorted_out_one_by_one(seed: int, cells: int, part: float, rows: int) -> None:
    """Few cells and many, dense and sparse, empty ones among them: the same sets under the same names."""
    rng = np.random.default_rng(seed)
    places = np.flatnonzero(rng.random(rows) < part)
    cell = rng.integers(0, max(1, cells - 1), len(places))  # nobody is in the last of several
    made = list(bitmaps(cells, cell, places))
    slow = [BitMap(places[cell == each].astype(np.uint32)) for each in range(cells)]
    assert made == slow
    assert [digest_of(each) for each in made] == [digest_of(each) for each in slow]


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    for at, name in enumerate(("atoms-a.npz", "contributors-b.npy", "atoms-c.npz")):
        cache_files.put(tmp_path / name, lambda out: out.write(b"x" * 100), room=300)
        os.utime(tmp_path / name, (1_000 + at, 1_000 + at))
    cache_files.used(tmp_path / "atoms-a.npz")
    abandoned = tmp_path / "atoms-z.npz.1.part"
    abandoned.write_bytes(b"half")
    os.utime(abandoned, (1_000, 1_000))
    cache_files.put(tmp_path / "atoms-d.npz", lambda out: out.write(b"x" * 150), room=300)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["atoms-a.npz", "atoms-d.npz"]
    cache_files.put(tmp_path / "atoms-e.npz", lambda out: out.write(b"x" * 500), room=300)
    assert [each.name for each in tmp_path.iterdir()] == ["atoms-e.npz"]  # the newest stays
