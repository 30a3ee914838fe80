"""The promise of private answers: what one contributor can change is bounded, and the noise hides it as it says."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.queries.model import TermsRead
from datasets.queries.private.counting import Exact, exact, kept, on_grid
from datasets.queries.private.model import (
    MILLION,
    PrivateAsk,
    PrivateCount,
    PrivateHistogram,
    PrivateMean,
    PrivateMeasure,
    PrivateSum,
)
from datasets.queries.private.noise import noisy
from datasets.queries.private.rules import Grid, Part, grid_of, parts_of
from tests.examples import examples

CODES = ["A", "B", "C"]
DRAWS = 10_000


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.floats(-1e3, 1e3)), min_size=1, max_size=50),
    st.integers(0, 5),
    st.integers(1, 3),
)
def test_one_contributor_changes_no_figure_by_more_than_its_sensitivity(
    rows: list[tuple[int, int, float]], gone: int, most: int
) -> None:
    grid = grid_of(-5, 20)

    def counted(which: list[tuple[int, int, float]], places: list[int]) -> tuple[int, int, Any]:
        who = np.zeros(len(rows), np.uint32)
        who[places] = [row[0] for row in which]
        found = kept(np.array(places, np.int64), who, most)
        values = np.array([row[2] for row in which])[found]
        codes = np.bincount(np.array([row[1] for row in which], int)[found], minlength=3)
        return len(found), int(on_grid(values, grid).sum()), codes

    places = list(range(len(rows)))
    without = [at for at in places if rows[at][0] != gone]
    if not without:
        return
    all_, less = counted(rows, places), counted([rows[at] for at in without], without)
    assert abs(all_[0] - less[0]) <= most
    assert abs(all_[1] - less[1]) <= most * grid.most
    assert int(np.abs(all_[2] - less[2]).sum()) <= most


@pytest.mark.parametrize("bounds", [(0, 20), (-1, 1), (0, 1e-6), (-1e12, 1e12), (99, 100)])
def test_values_of_any_size_stay_within_their_bounds(bounds: tuple[float, float]) -> None:
    grid = grid_of(*bounds)
    wild = np.array([-math.inf, -1e308, bounds[0], sum(bounds) / 2, bounds[1], 1e308, math.inf])
    steps = on_grid(wild, grid)
    assert (steps.min(), steps.max()) == (grid.low, grid.high)
    assert grid.most <= 1_000_001


HEAVY = 29


def _release(folder: Path, owners: list[int], heavy: float) -> Path:
    fees = [float(owner % 30) if owner % 5 else math.nan for owner in owners]
    table = pa.table(
        {
            "owner": owners, "code": [CODES[owner % 2] for owner in owners],
            "fee": [heavy if owner == HEAVY else fee for owner, fee in zip(owners, fees, strict=True)],
        }
    )  # fmt: skip
    path = folder / f"{len(owners)}.parquet"
    pq.write_table(table, path)
    return path


def _exact(
    folder: Path, owners: list[int], measure: Any, grid: Grid | None = None, heavy: float = float(HEAVY)
) -> Exact:
    return exact(
        _release(folder, owners, heavy), None, measure, np.array(owners, np.uint32), 2, grid=grid or grid_of(0, 20),
        codes=CODES, memory_limit_mb=256, scratch=folder,
    )  # fmt: skip


def test_exact_figures_clamp_truncate_and_know_every_code(tmp_path: Path) -> None:
    owners = [1, 1, 1, 2, 29, 5]
    assert _exact(tmp_path, owners, PrivateCount()).counts == [5]  # of 1 only two rows count
    assert _exact(tmp_path, owners, PrivateHistogram(kind="histogram", column="code")).counts == [1, 4, 0]
    summed = _exact(tmp_path, owners, PrivateSum(kind="sum", column="fee"))
    assert (summed.counts, summed.total * grid_of(0, 20).step) == (
        [4],
        24.0,
    )  # 1 + 1 + 2 + 20 (29 clamped), 5 has no fee


def _epsilon_shown(here: np.ndarray, there: np.ndarray) -> float:
    """The largest epsilon that the draws prove at 99.999 %, over thresholds: Clopper-Pearson, Bonferroni."""
    from scipy.stats import beta  # a second to import, for every process that collects this file

    marks = np.unique(np.quantile(np.concatenate((here, there)), np.linspace(0.02, 0.98, 17)))
    risk, shown = 0.00001 / (4 * len(marks)), 0.0
    for mark in marks:
        for a, b in ((here, there), (there, here)):
            for hits_a, hits_b in (
                (np.sum(a >= mark), np.sum(b >= mark)),
                (np.sum(a < mark), np.sum(b < mark)),
            ):
                low = beta.ppf(risk, hits_a, DRAWS - hits_a + 1) if hits_a else 0.0
                high = beta.ppf(1 - risk, hits_b + 1, DRAWS - hits_b) if hits_b < DRAWS else 1.0
                if low > 0:
                    shown = max(shown, math.log(low / high))
    return shown


def _draws(value: int, part: Part) -> np.ndarray:
    return np.array(noisy([value] * DRAWS, part))  # every number has noise of its own


MEASURES: dict[str, PrivateMeasure] = {
    "count": PrivateCount(),
    "sum": PrivateSum(kind="sum", column="fee"),
    "mean": PrivateMean(kind="mean", column="fee"),
    "histogram": PrivateHistogram(kind="histogram", column="code"),
}


def _ask(measure: PrivateMeasure, epsilon_micro: int) -> PrivateAsk:
    return PrivateAsk(
        grant_id="G", dataset_id="DP-PK-003", measure=measure, epsilon_micro=epsilon_micro, purpose="p", scenario_id="s"
    )  # fmt: skip


def _terms(bounds: tuple[float, float] = (0, 20)) -> TermsRead:
    return TermsRead(
        dataset_id="DP-PK-003", version=1, contributor="owner", lists={"code": CODES}, guards_all=False,
        bounds={"fee": bounds}, per_contributor=2, reason="test", set_by="steward", set_at=datetime(2026, 11, 1, tzinfo=UTC),
    )  # fmt: skip


def _told(found: Exact, parts: tuple[Part, ...]) -> list[np.ndarray]:
    """10,000 times all the numbers of one answer, as the service draws them: by part and place, the draws."""
    drawn = []
    for part in parts:
        numbers = found.of(part.name)
        whole = np.array(noisy(numbers * DRAWS, part)).reshape(DRAWS, len(numbers))
        drawn += list(whole.T)
    return drawn


def _leaning(told: list[np.ndarray], here: list[int], there: list[int], scales: list[float]) -> np.ndarray:
    """How much each answer speaks for `here` rather than `there`, all its numbers together (Neyman and Pearson)."""
    leaning = np.zeros(DRAWS)
    for x, a, b, scale in zip(told, here, there, scales, strict=True):
        leaning += (np.abs(x - b) - np.abs(x - a)) / scale
    return leaning


def _shown(with_: Exact, without: Exact, parts: tuple[Part, ...]) -> float:
    """The epsilon that whole answers about the two prove, in millionths."""
    here, there = ([number for part in parts for number in found.of(part.name)] for found in (with_, without))
    scales = [part.scale for part in parts for _ in with_.of(part.name)]
    leaning = [_leaning(_told(found, parts), here, there, scales) for found in (with_, without)]
    return _epsilon_shown(*leaning) * MILLION


@pytest.mark.parametrize("kind", list(MEASURES))
@pytest.mark.parametrize("epsilon_micro", [500_000, 1_000_000])
def test_neighbours_cannot_be_told_apart_beyond_epsilon(
    tmp_path: Path, kind: str, epsilon_micro: int
) -> None:
    """10,000 answers about data with and without the contributor who changes most; through filter, truncation, clamp and
    the parts that the service takes: a mean is both its noisy numbers, which whoever reads it is granted here."""
    owners = [owner for owner in range(1, 25) for _ in range(2)]
    with_, without = (
        _exact(tmp_path, each, MEASURES[kind]) for each in ([*owners, 29, 29, 29], owners)
    )  # fmt: skip
    parts = parts_of(_ask(MEASURES[kind], epsilon_micro), _terms())
    for part in parts:  # the worst neighbour there is
        changed = zip(with_.of(part.name), without.of(part.name), strict=True)
        assert sum(abs(a - b) for a, b in changed) == part.sensitivity
    assert 0.5 * epsilon_micro < _shown(with_, without, parts) <= epsilon_micro


@pytest.mark.parametrize("bounds", [(-20.0, 3.0), (5.0, 20.0)])
@pytest.mark.parametrize("kind", ["sum", "mean"])
def test_sums_and_means_hide_a_contributor_whatever_the_bounds(
    tmp_path: Path, kind: str, bounds: tuple[float, float]
) -> None:
    """The bound farther from zero is what one contributor weighs, since nobody else stands in for one who is gone."""
    owners = [owner for owner in range(1, 25) for _ in range(2)]
    fee = max(bounds, key=abs)
    with_, without = (
        _exact(tmp_path, each, MEASURES[kind], grid_of(*bounds), heavy=fee)
        for each in ([*owners, HEAVY, HEAVY], owners)
    )
    parts = parts_of(_ask(MEASURES[kind], 1_000_000), _terms(bounds))
    assert 500_000 < _shown(with_, without, parts) <= 1_000_000


def test_the_judge_finds_noise_that_is_too_small() -> None:
    honest = Part("count", 2, 500_000)
    assert (
        _epsilon_shown(_draws(10, Part("count", 1, 500_000)), _draws(12, Part("count", 1, 500_000))) * MILLION
        > 500_000
    )
    assert honest.scale == 4.0


def test_noise_of_a_list_is_drawn_for_each_number_and_keeps_whole_numbers() -> None:
    found = noisy([0] * 500, Part("count", 3, 100_000))
    assert all(isinstance(each, int) for each in found)
    assert len(set(found)) > 50
