"""Sorting a release, or splitting it by time, changes the places of its rows and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import Conflict
from datasets.content import ROW_COLUMN, content_digest
from datasets.geometry import unboxed
from datasets.releases.partitions import Plan, split
from datasets.releases.sorting import put_back, sorted_copy
from datasets.releases.writer import write_parquet
from datasets.shapes import Shapes

ORDER = ["lot", "free", "share", "day", "seen", "price", "open", "where"]


def typed(path: Path) -> Path:
    """The table as intake leaves it: nulls, NaN, Chinese, equal keys, shapes as text."""
    nan = float("nan")
    table = pa.table(
        {
            "lot": ["乙", None, "甲", "甲", ""],
            "free": pa.array([3, 1, None, 2, 2], pa.int64()),
            "share": [0.5, nan, None, -0.0, 1e300],
            "day": pa.array([date(2026, 3, 1), None, date(2026, 1, 9), date(2026, 3, 31), date(2026, 1, 1)]),
            "seen": pa.array([datetime(2026, 3, 1, tzinfo=UTC)] * 4 + [None], pa.timestamp("us", "UTC")),
            "price": pa.array(
                [Decimal("1.50"), None, Decimal("0.01"), None, Decimal("2.00")], pa.decimal128(9, 2)
            ),
            "open": [True, False, None, True, True],
            "where": ["POINT (1 2)", None, "POINT (3 4)", "POINT (5 6)", "POINT (7 8)"],
            ROW_COLUMN: pa.array(range(1, 6), pa.int64()),
        }
    )
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("shapes", [Shapes(), Shapes(columns=("where",), crs="CGCS2000")])
def test_a_sorted_release_holds_what_was_judged(tmp_path: Path, shapes: Shapes) -> None:
    table, room = typed(tmp_path / "typed"), {"memory_limit_mb": 200, "scratch": tmp_path / "spill"}
    words = {name: {} for name in ["day", "lot"]}
    sorted_copy(table, tmp_path / "sorted", ["lot", "free"], **room)
    write_parquet(
        tmp_path / "sorted", tmp_path / "out", words, {"k": "v"}, shapes=shapes, sorted_by=["lot", "free"]
    )
    made = pq.ParquetFile(tmp_path / "out")
    assert made.schema_arrow.names[:2] == ["day", "lot"]
    assert made.read().column("lot").to_pylist() == ["", "乙", "甲", "甲", None]
    assert made.read().column("free").to_pylist() == [2, 3, 2, None, 1]
    places = made.metadata.row_group(0).sorting_columns
    assert [made.schema_arrow.names[each.column_index] for each in places] == ["lot", "free"]
    put_back(tmp_path / "out", table, ["lot", "free"], tmp_path / "back", **room)
    assert content_digest(tmp_path / "back", ORDER) == content_digest(table)
    assert content_digest(tmp_path / "out", ORDER) != content_digest(table)
    put_back(tmp_path / "out", table, ["free"], tmp_path / "wrong", **room)
    assert content_digest(tmp_path / "wrong", ORDER) != content_digest(table), "the proof tells another order"


def test_sorting_by_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="no such column"):
        sorted_copy(
            typed(tmp_path / "t"), tmp_path / "o", ["nothing"], memory_limit_mb=200, scratch=tmp_path / "s"
        )


@pytest.mark.parametrize("shapes", [Shapes(), Shapes(columns=("where",), crs="CGCS2000")])
def test_parts_hold_every_row_once_sorted_by_time(tmp_path: Path, shapes: Shapes) -> None:
    whole, made = tmp_path / "whole", iter(range(9))
    write_parquet(typed(tmp_path / "typed"), whole, {}, {"k": "v"}, shapes=shapes)
    parts = split(
        whole, Plan("day", "month"), lambda suffix: tmp_path / f"part-{next(made)}{suffix}", memory_limit_mb=200,
        scratch=tmp_path / "spill",
    )  # fmt: skip
    assert [(value, rows) for value, rows, _ in parts] == [("2026-01", 2), ("2026-03", 2), ("undated", 1)]
    assert pq.read_table(parts[0][2]).column("lot").to_pylist() == ["", "甲"]
    for _, _, path in parts:
        assert pq.read_schema(path).equals(unboxed(pq.read_schema(whole)), check_metadata=True)


def test_too_many_parts_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.releases.partitions.MOST", 1)
    table = typed(tmp_path / "typed")
    with pytest.raises(Conflict, match="longer period"):
        split(
            table, Plan("day", "day"), lambda _: tmp_path / "x", memory_limit_mb=200, scratch=tmp_path / "s"
        )
    with pytest.raises(Conflict, match="no such column of dates"):
        split(
            table, Plan("lot", "day"), lambda _: tmp_path / "x", memory_limit_mb=200, scratch=tmp_path / "s"
        )
