"""The row diff agrees with a plain model, whatever the tables hold."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Conflict
from datasets.releases.diff import SAMPLE, compare
from datasets.releases.models import Difference
from tests.examples import examples

Rows = dict[Any, tuple[Any, Any]]
VALUES = st.tuples(
    st.one_of(st.none(), st.sampled_from(["", "a", "数", "'", '"'])),
    st.one_of(st.none(), st.floats(width=32, allow_nan=True)),
)
TABLES = st.dictionaries(st.one_of(st.none(), st.sampled_from(list("abcdef数'"))), VALUES, max_size=6)


def write(path: Path, rows: Rows) -> Path:
    table = pa.table(
        {
            'a "key"': pa.array(list(rows), pa.string()),
            "text": pa.array([text for text, _ in rows.values()], pa.string()),
            "p": pa.array([number for _, number in rows.values()], pa.float64()),
        }
    )
    pq.write_table(table, path)
    return path


def run(room: Path, old: Rows, new: Rows) -> Difference:
    files = write(room / "old.parquet", old), write(room / "new.parquet", new)
    return compare(*files, ['a "key"'], memory_limit_mb=200, scratch=room / "spill")


def same(one: Any, other: Any) -> bool:
    both_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    return both_nan or one == other


@settings(
    max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(old=TABLES, new=TABLES)
def test_counts_are_those_of_the_model(tmp_path: Path, old: Rows, new: Rows) -> None:
    counts = run(tmp_path, old, new).counts
    kept = [key for key in old if key in new]
    differ = [[not same(a, b) for a, b in zip(old[key], new[key], strict=True)] for key in kept]
    assert (counts["added"], counts["removed"]) == (len(new) - len(kept), len(old) - len(kept))
    assert (counts["kept"], counts["changed"]) == (len(kept), sum(any(each) for each in differ))
    by_column = {"text": sum(each[0] for each in differ), "p": sum(each[1] for each in differ)}
    assert counts["by_column"] == {name: count for name, count in by_column.items() if count}


def test_the_sample_shows_keys_and_what_changed(tmp_path: Path) -> None:
    old: Rows = {"k1": ("a", 1.0), "k2": ("b", 2.0), "k3": ("c", 3.0)}
    new: Rows = {"k2": ("b", None), "k3": ("c", 3.0), "k4": ("d", 4.0)}
    assert run(tmp_path, old, new).sample == [
        {"kind": "added", "key": {'a "key"': "k4"}, "after": {"text": "d", "p": "4.0"}},
        {"kind": "removed", "key": {'a "key"': "k1"}, "before": {"text": "a", "p": "1.0"}},
        {"kind": "changed", "key": {'a "key"': "k2"}, "before": {"p": "2.0"}, "after": {"p": None}},
    ]
    many: Rows = {f"k{n:03}": ("x", 1.0) for n in range(100)}
    found = run(tmp_path, {}, many)
    assert (found.counts["added"], len(found.sample)) == (100, SAMPLE)


def test_columns_may_come_go_and_change_their_type(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    pq.write_table(pa.table({"k": [1, 2], "n": [1, 2], "gone": ["x", "y"]}), old)
    pq.write_table(pa.table({"k": ["1", "2"], "come": [0, 0], "n": ["1", "3"]}), new)
    counts = compare(old, new, ["k"], memory_limit_mb=200, scratch=tmp_path / "spill").counts
    assert (counts["changed"], counts["by_column"]) == (1, {"n": 1})
    assert (counts["columns_added"], counts["columns_removed"]) == (["come"], ["gone"])


def test_rows_that_no_key_tells_apart_are_not_guessed_at(tmp_path: Path) -> None:
    file = tmp_path / "twice"
    pq.write_table(pa.table({"k": ["a", "a"], "n": [1, 2]}), file)
    for key, said in ((["k"], "several rows"), ([], "no key columns"), (["z"], "not in both")):
        with pytest.raises(Conflict, match=said):
            compare(file, file, key, memory_limit_mb=200, scratch=tmp_path / "spill")
