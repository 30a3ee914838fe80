"""Rules of questions as tables: what may be grouped, what bounds leave something to sum, what noise costs, what cannot be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.house import House
from auth.policy.limits import limits
from datasets.queries import rules
from datasets.queries.across import Reader
from datasets.queries.model import Group
from datasets.queries.private.model import MILLION, PrivateAsk
from datasets.queries.private.rules import grid_of, misfits
from tests.datasets.queries.scene import STAYS, a_query_scene, stays

KINDS = ("string", "integer", "number", "boolean", "date", "datetime", "time", "geometry")
UNITS = ("hour", "day", "month", "year")


@pytest.mark.parametrize("kind", KINDS)
def test_what_rows_may_be_grouped_by(kind: str) -> None:
    """As it is: what has few values. In classes: numbers. By a unit: dates and times, and a date has no hours. Places never."""
    assert rules._groups(Group(column="x"), kind) is (kind in {"string", "integer", "boolean", "date"})
    assert rules._groups(Group(column="x", width=5), kind) is (kind in {"integer", "number"})
    for unit in UNITS:
        fits = kind == "datetime" or (kind == "date" and unit != "hour")
        assert rules._groups(Group(column="x", unit=unit), kind) is fits


@pytest.mark.parametrize(
    ("low", "high"), [(1, 1), (2, 1), (0, 0), (float("nan"), 1), (0, float("inf")), (float("-inf"), 0)]
)
def test_bounds_that_leave_nothing_to_sum_make_no_grid(low: float, high: float) -> None:
    with pytest.raises(ValueError, match=r"bounds|domain|convert"):
        grid_of(low, high)


@pytest.mark.parametrize(
    ("low", "high"), [(0, 20), (-3, 20), (-20, 3), (0.001, 0.002), (-1, 0), (0, 999_999)]
)
def test_a_grid_holds_its_bounds_in_at_most_a_million_steps(low: float, high: float) -> None:
    grid = grid_of(low, high)
    assert 100_000 <= grid.most <= 1_000_000
    assert (grid.low * grid.step, grid.high * grid.step) == pytest.approx((low, high), rel=1e-5)


def _ask(epsilon_micro: int) -> PrivateAsk:
    return PrivateAsk.model_validate(
        {"grant_id": "g", "dataset_id": STAYS, "purpose": "risk-pricing", "scenario_id": "safety",
         "measure": {"kind": "count"}, "epsilon_micro": epsilon_micro}
    )  # fmt: skip


def test_an_epsilon_is_judged_by_its_range_also_where_there_are_no_terms() -> None:
    found = limits()
    least, most = found["query_dp_epsilon_least"], found["query_dp_epsilon_most"]
    for epsilon, code in ((least - 1, True), (least, False), (most, False), (most + 1, True)):
        said = list(misfits(_ask(epsilon), None, found))
        assert [each.code for each in said] == ["epsilon-out-of-range"] * code
        assert not said or said[0].facts == {"least": least, "most": most}
    (short,) = misfits(_ask(least - 1), None, found)
    assert f"{least / MILLION:g} and {most / MILLION:g}" in short.text.en


def test_a_release_without_the_column_has_neither_its_amounts_nor_its_contributors(tmp_path: Path) -> None:
    file = tmp_path / "release.parquet"
    pq.write_table(pa.table({"fee": [1.5, None], "plate": ["a", "b"]}), file)
    reader = Reader("plate", tmp_path, 200)
    fees, names = reader.values(file, "fee"), reader.names(file)
    assert fees is not None
    assert names is not None
    assert fees[0] == 1.5
    assert np.isnan(fees[1])
    assert len(set(names)) == 2
    assert reader.values(file, "minutes") is None
    assert Reader("owner", tmp_path, 200).names(file) is None
    assert [side.codes for side in Reader("owner", tmp_path, 200).sides(file, file)] == [None, None]


def test_a_sum_that_cannot_be_compared_with_one_told_before_is_not_told(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = a_query_scene(sqlite_house)
    total: list[dict[str, Any]] = [{"kind": "sum", "column": "fee"}]
    scene.query(select=total)
    scene.releases(stays(), 2)
    with monkeypatch.context() as patched:
        patched.setattr(Reader, "values", lambda *_: None)
        assert scene.code(select=total) == ["suppressed"]
    assert scene.code(select=total) == []


def test_cells_together_count_rows_and_contributors_and_keep_the_two_largest() -> None:
    figures = [rules.Figure(3, 2, 10.0, 6.0, 4.0), rules.Figure(5, 4, 20.0, 9.0, 5.0)]
    assert rules.together(figures) == rules.Figure(8, 6, 30.0, 9.0, 6.0)
    assert rules.together([]) == rules.Figure(0, 0)
