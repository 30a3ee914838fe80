"""Reading a release for a statistic: nothing of it is held but what each row is counted by, whatever people group by."""

from __future__ import annotations

import math
import tracemalloc
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.policy.limits import limits
from datasets.queries import engine
from datasets.queries.answering import tell
from datasets.queries.engine import TooManyGroups, contributors, makers, scan
from datasets.queries.model import Group, QueryAsk
from datasets.queries.rules import Control
from tests.examples import examples

MIB = 1024 * 1024


def _file(folder: Path, columns: dict[str, Any], name: str = "release") -> Path:
    path = folder / name
    pq.write_table(pa.table(columns), path)
    return path


def _scan(path: Path, groups: list[str], measured: list[str], most: int = 1000) -> engine.Rows:
    return scan(
        path, None, [Group(column=name) for name in groups], measured, max_groups=most, memory_limit_mb=256,
        scratch=path.parent,
    )  # fmt: skip


CELL = st.tuples(st.sampled_from(["甲", "乙", "", None]), st.sampled_from([1, 2, None]), st.booleans())


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(st.tuples(CELL, st.one_of(st.none(), st.floats(-9, 9)), st.integers(0, 4)), max_size=40),
    st.integers(0, 3),
)
def test_rows_read_in_batches_are_those_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, Any, int]], width: int
) -> None:
    folder = tmp_path_factory.mktemp("scan")
    table = {
        "a": pa.array([row[0][0] for row in rows], pa.string()), "b": pa.array([row[0][1] for row in rows], pa.int64()),
        "c": pa.array([row[0][2] for row in rows], pa.bool_()), "m": pa.array([row[1] for row in rows], pa.float64()),
        "who": pa.array([str(row[2]) for row in rows], pa.string()),
    }  # fmt: skip
    path, groups = _file(folder, table), ["a", "b", "c"][:width]
    with pytest.MonkeyPatch.context() as small:
        small.setattr(engine, "_BATCH", 7)
        found = _scan(path, groups, ["m"])
        who = contributors(path, "who", folder / "cache", memory_limit_mb=256)
    assert found.places.tolist() == list(range(len(rows)))
    assert [found.keys[at] for at in found.cell] == [row[0][:width] for row in rows]
    for told, row in zip(found.values["m"], rows, strict=True):
        assert math.isnan(told) if row[1] is None else told == row[1]
    owners = defaultdict(set)
    for row in rows:
        owners[row[0][:width]].add(row[2])
    numbers = makers(len(found.keys), found.cell, found.places, who).numbers
    assert numbers.tolist() == [len(owners[key]) for key in found.keys]


def test_contributors_are_told_apart_by_what_they_are_and_an_empty_one_is_one(tmp_path: Path) -> None:
    path = _file(tmp_path, {"who": ["a", None, "b", "a", None, ""]})
    who = contributors(path, "who", tmp_path / "cache", memory_limit_mb=256)
    assert who is not None
    assert [int(np.flatnonzero(who == each)[0]) for each in who] == [0, 1, 2, 0, 1, 5]


def test_groups_by_several_columns_of_many_values_take_little_memory(tmp_path: Path) -> None:
    """A thousand values each in three columns: only the groups that there are take room, not all that there could be."""
    many = {name: pa.array([f"{name}{at}" for at in range(1000)]) for name in "abc"}
    path = _file(tmp_path, many)
    tracemalloc.start()
    try:
        found = _scan(path, ["a", "b", "c"], [])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.keys) == 1000
    assert peak < 64 * MIB


def test_too_many_groups_are_refused_at_the_first_rows_that_show_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _file(tmp_path, {"a": pa.array(range(1000)), "b": pa.array(range(1000))})
    read: list[int] = []
    take = engine._Found.take
    monkeypatch.setattr(engine, "_BATCH", 10)
    monkeypatch.setattr(
        engine._Found, "take", lambda self, batch: (read.append(batch.num_rows), take(self, batch))
    )
    for groups in (["a"], ["a", "b"]):
        read.clear()
        with pytest.raises(TooManyGroups):
            _scan(path, groups, [], most=35)
        assert (
            sum(read) < 100 or len(read) == 1
        )  # the engine may hand over larger batches than it is asked for


def test_a_column_of_the_engines_own_name_moves_nobody_to_his_neighbour(tmp_path: Path) -> None:
    path = _file(tmp_path, {"file_row_number": ["x", "y", "z"], "who": ["p", "q", "p"], "a": ["1", "1", "2"]})
    found = _scan(path, ["a"], [])
    who = contributors(path, "who", tmp_path / "cache", memory_limit_mb=256)
    assert found.places.tolist() == [0, 1, 2]
    assert makers(2, found.cell, found.places, who).numbers.tolist() == [2, 1]


@pytest.mark.parametrize("kind", [{"kind": "histogram"}, {"kind": "quantile", "q": 0.5}, {"kind": "min_max"}])
def test_fine_classes_in_many_groups_are_too_many_before_each_is_judged(
    tmp_path: Path, kind: dict[str, Any]
) -> None:
    """A thousand groups of a thousand classes: a million figures, nearly all empty, in an answer of none."""
    rows = 1000
    path = _file(tmp_path, {"a": pa.array(range(rows)), "m": pa.array([float(at) for at in range(rows)])})
    ask = QueryAsk.model_validate(
        {
            "grant_id": "g", "dataset_id": "d", "purpose": "p", "scenario_id": "s", "group_by": [{"column": "a"}],
            "select": [kind | {"column": "m", "width": 1.0}],
        }
    )  # fmt: skip
    found = _scan(path, ["a"], ["m"])
    tracemalloc.start()
    try:
        with pytest.raises(TooManyGroups):
            tell(ask, found, None, Control.of(limits()), {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * MIB
