"""The picture of a failing column: every value in one bar, on the right side of the rule's bounds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quality.spread import spread

BETWEEN = "expect_column_values_to_be_between"


def _table(folder: Path, values: list[Any]) -> Path:
    path = folder / "t.parquet"
    pq.write_table(pa.table({"v": values, "__row__": list(range(1, len(values) + 1))}), path)
    return path


@pytest.mark.parametrize(
    ("bounds", "outside"),
    [
        ({"min_value": 10, "max_value": 20}, 9 + 10),
        ({"min_value": 10, "max_value": 20, "strict_max": True}, 9 + 11),
        ({"min_value": 10, "strict_min": True}, 10),
        ({"max_value": 1000}, 0),
    ],
)
def test_values_lie_on_the_side_where_the_rule_puts_them(
    tmp_path: Path, bounds: dict[str, Any], outside: int
) -> None:
    found = spread(_table(tmp_path, list(range(1, 31))), BETWEEN, {"column": "v", **bounds})
    assert found is not None
    assert sum(bar.count for bar in found.bars if bar.is_outside) == outside
    assert sum(bar.count for bar in found.bars) + found.beyond == 30


def test_far_values_are_counted_and_do_not_squeeze_the_picture(tmp_path: Path) -> None:
    values = [float(n % 100) for n in range(1000)] + [1e9, float("inf"), float("nan")]
    found = spread(_table(tmp_path, values), BETWEEN, {"column": "v", "max_value": 90})
    assert found is not None
    assert found.beyond == 1
    assert found.bars[-1].high is not None
    assert found.bars[-1].high < 200


def test_dates_are_seconds_and_sets_are_values_with_the_wrong_ones_first(tmp_path: Path) -> None:
    days = [dt.date(2026, 3, 1 + n) for n in range(20)]
    found = spread(_table(tmp_path, days), BETWEEN, {"column": "v", "max_value": "2026-03-10"})
    assert found is not None
    assert (found.is_moment, sum(bar.count for bar in found.bars if bar.is_outside)) == (True, 10)
    named = spread(
        _table(tmp_path, ["东", "东", "西", None]),
        "expect_column_values_to_be_in_set",
        {"column": "v", "value_set": ["东"]},
    )
    assert named is not None
    assert [(bar.label, bar.count, bar.is_outside) for bar in named.bars] == [
        ("西", 1, True),
        ("东", 2, False),
    ]


def test_nothing_is_drawn_where_there_is_nothing(tmp_path: Path) -> None:
    empty = _table(tmp_path, [None, None])
    assert spread(empty, BETWEEN, {"column": "v", "max_value": 1}) is None
    assert spread(empty, BETWEEN, {"column": "gone", "max_value": 1}) is None
    texts = _table(tmp_path, ["a"])
    assert spread(texts, BETWEEN, {"column": "v", "max_value": 1}) is None
