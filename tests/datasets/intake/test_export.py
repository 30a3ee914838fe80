"""The file that `check` gives out: the pages of the judged table, with notes that every reader finds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasets.intake.dictionary import Dictionary
from datasets.intake.export import export
from datasets.intake.facts import ROW_COLUMN
from datasets.intake.footer import noted
from tests.datasets.intake.conftest import Bench

WORDS = Dictionary.model_validate(
    {"columns": [{"name": "客流", "title_en": "visitors", "unit": "人", "level": 2}, {"name": "甲"}]}
)


def a_table(path: Path, rows: int, extra: str = "") -> Path:
    """Many row groups, so that every list in the footer is long."""
    duckdb.execute(
        f"COPY (SELECT i AS 客流, 'a' || i AS 甲, i / 3 AS x, DATE '2026-01-01' + i::INTEGER AS d, i % 2 = 0 AS b, "
        f"CASE WHEN i % 7 > 0 THEN TIMESTAMP '2026-01-01' END AS t, i::DECIMAL(9, 2) AS n, [i] AS l, {{'k': i}} AS s "
        f"FROM range({rows}) r(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048{extra})"
    )
    return path


@pytest.mark.parametrize("rows", [1, 50_000])
@pytest.mark.parametrize("notes", [1, 14, 15, 200])
def test_notes_are_added_and_not_a_value_changes(tmp_path: Path, rows: int, notes: int) -> None:
    table, out = a_table(tmp_path / "t.parquet", rows), tmp_path / "o.parquet"
    said = {f"datagrant:{i}": "数" * i for i in range(notes)}
    facts = export(table, out, WORDS, said)
    assert (facts.rows, facts.bytes, facts.sha256) == (
        rows,
        out.stat().st_size,
        hashlib.sha256(out.read_bytes()).hexdigest(),
    )
    schema = pq.read_schema(out)
    assert {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()} == said
    assert schema.field("客流").metadata == {b"title_en": b"visitors", b"unit": "人".encode(), b"level": b"2"}
    assert pq.read_table(out).equals(pq.read_table(table))
    assert duckdb.sql(f"FROM '{out}' EXCEPT FROM '{table}'").fetchall() == []
    before, after = pq.read_metadata(table), pq.read_metadata(out)
    assert after.created_by == before.created_by
    assert [after.row_group(i).to_dict() for i in range(after.num_row_groups)] == [
        before.row_group(i).to_dict() for i in range(before.num_row_groups)
    ]


def test_metadata_that_is_there_already_is_not_doubled(tmp_path: Path) -> None:
    table = a_table(tmp_path / "t.parquet", 10, ", KV_METADATA {a: 'b'}")
    with pytest.raises(ValueError, match="metadata of its own"):
        list(noted(table, {"c": "d"}))


def test_a_file_that_pyarrow_wrote_without_metadata_takes_notes_too(tmp_path: Path) -> None:
    table = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1, 2, None]}), table, store_schema=False)
    (tmp_path / "o.parquet").write_bytes(b"".join(noted(table, {"k": "v"})))
    assert pq.read_metadata(tmp_path / "o.parquet").metadata == {b"k": b"v"}
    assert pq.read_table(tmp_path / "o.parquet")["a"].to_pylist() == [1, 2, None]


def test_columns_named_like_our_own_are_renamed_and_said(bench: Bench) -> None:
    found = bench.reads(f"{ROW_COLUMN},file_row_number,c0\n5,6,7\n")
    assert [column.name for column in found.columns] == [f"{ROW_COLUMN}_2", "file_row_number_2", "c0"]
    assert [f.code for f in found.findings] == ["column-renamed", "column-renamed"]
    assert bench.rows() == [(5, 6, 7)]
