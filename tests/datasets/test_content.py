"""The digest of a table's values: blind to encodings, sharp on values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.content import content_digest, digest_of
from datasets.releases.writer import write_csv, write_parquet
from tests.examples import examples

NASTY = pa.table(
    {
        "i": pa.array([1, None, -3, 0], pa.int64()),
        "s": pa.array(["中文", "", None, "a\nb"]),
        "f": pa.array([0.1, float("nan"), None, -0.0]),
        "b": pa.array([True, None, False, True]),
        "d": pa.array([dt.date(2026, 3, 1), None, dt.date(1970, 1, 1), dt.date(9999, 12, 31)]),
        "t": pa.array([1_772_330_584_567_891, None, None, -2_208_988_800_000_000], pa.timestamp("us")),
        "c": pa.array([dt.time(1, 2, 3), None, dt.time(0), dt.time(23, 59, 59, 999999)], pa.time64("us")),
        "x": pa.array([Decimal("1.10"), None, Decimal("-9.99"), Decimal("0.00")], pa.decimal128(5, 2)),
        "l": pa.array([[1, None], None, [], [2]], pa.list_(pa.int64())),
        "n": pa.nulls(4),
        "__row__": pa.array([1, 2, 3, 4], pa.int64()),
    }
)


def digest(table: pa.Table, **cut: int) -> str:
    return digest_of(list(table.schema), table.to_batches(**cut))


@pytest.mark.parametrize(
    "how",
    [{"row_group_size": 1}, {"compression": "zstd"}, {"use_dictionary": False}, {"data_page_version": "2.0"}],
)
def test_encoding_and_row_numbers_do_not_matter(how: dict[str, Any], tmp_path: Path) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    pq.write_table(NASTY, plain)
    pq.write_table(NASTY.drop(["__row__"]), other, **how)
    assert content_digest(plain) == content_digest(other)


@given(
    st.lists(
        st.tuples(st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | st.text(max_size=5)), max_size=30
    ),
    st.integers(1, 7),
)
@settings(max_examples=examples(25), deadline=None)
def test_how_rows_are_cut_does_not_matter(rows: list[tuple[int | None, str | None]], size: int) -> None:
    table = pa.table(
        {
            "a": pa.array([row[0] for row in rows], pa.int64()),
            "b": pa.array([row[1] for row in rows], pa.string()),
        }
    )
    assert digest(table) == digest(table, max_chunksize=size)


@given(st.data())
@settings(max_examples=examples(25), deadline=None)
def test_any_changed_cell_changes_the_digest(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=10))
    place = data.draw(st.integers(0, len(values) - 1))
    other = data.draw((st.none() | st.text(max_size=3)).filter(lambda value: value != values[place]))
    changed = [*values[:place], other, *values[place + 1 :]]
    assert digest(pa.table({"a": pa.array(values, pa.string())})) != digest(
        pa.table({"a": pa.array(changed, pa.string())})
    )


@pytest.mark.parametrize(
    "changed",
    [
        NASTY.slice(1),
        NASTY.take([1, 0, 2, 3]),
        NASTY.rename_columns(["j", *NASTY.column_names[1:]]),
        NASTY.select(["s", "i", *NASTY.column_names[2:]]),
        NASTY.set_column(0, "i", NASTY["i"].cast(pa.int32())),
    ],
    ids=["a row less", "order of rows", "a name", "order of columns", "a type"],
)
def test_rows_order_names_and_types_matter(changed: pa.Table) -> None:
    assert digest(NASTY) != digest(changed)


def test_texts_do_not_run_into_one_another() -> None:
    assert digest(pa.table({"a": ["ab", "c"]})) != digest(pa.table({"a": ["a", "bc"]}))
    assert digest(pa.table({"a": ["", None]})) != digest(pa.table({"a": [None, ""]}))


def test_a_release_file_holds_the_same_values_in_few_row_groups(tmp_path: Path) -> None:
    rows = 150_000
    table = pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "w": pa.array([f"词{row % 7}" for row in range(rows)]),
            "__row__": pa.array(range(1, rows + 1), pa.int64()),
        }
    )
    source, out = tmp_path / "typed", tmp_path / "release"
    pq.write_table(table, source, row_group_size=10_000)
    columns = write_parquet(source, out, {"id": {"unit": "个"}}, {"datagrant:x": "y"})
    assert columns == [{"name": "id", "type": "int64", "unit": "个"}, {"name": "w", "type": "string"}]
    assert content_digest(out) == content_digest(source)
    made = pq.ParquetFile(out).metadata
    assert made.num_row_groups == 1
    assert "DELTA_BINARY_PACKED" in made.row_group(0).column(0).encodings
    assert made.row_group(0).column(0).has_offset_index


def test_nasty_tables_survive_the_writers(tmp_path: Path) -> None:
    source, out, text = tmp_path / "typed", tmp_path / "release", tmp_path / "csv"
    pq.write_table(NASTY, source)
    write_parquet(source, out, {}, {})
    assert content_digest(out) == content_digest(source)
    write_csv(out, text)
    assert len(text.read_text("utf-8-sig").splitlines()) == 6


def test_an_empty_table_is_still_a_file(tmp_path: Path) -> None:
    source, out = tmp_path / "typed", tmp_path / "release"
    pq.write_table(NASTY.slice(0, 0), source)
    write_parquet(source, out, {}, {})
    assert pq.ParquetFile(out).metadata.num_rows == 0
    assert content_digest(out) == content_digest(source)
