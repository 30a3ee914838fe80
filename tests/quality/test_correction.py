"""Failing rows out as a workbook, corrected rows back in."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import python_calamine
import xlsxwriter

from core.errors import InputRefused
from quality.correction import apply_correction, build
from quality.sheet import DATA_SHEET, FAULT_TITLE, KEY_TITLE, RULE_SHEET
from quality.verdict import Outcome, Verdict

COLUMNS: dict[str, pa.Array] = {
    "名称": pa.array(["=1+1", "a", "", None, " 末尾 \n换行\t"], pa.string()),
    "n": pa.array([1, -2, None, 2**62, 5], pa.int64()),
    "x": pa.array([0.1, None, -1e300, float("inf"), 2.0], pa.float64()),
    "fee": pa.array(
        [Decimal("1.10"), None, Decimal("-99999999999999.99"), Decimal("0.00"), Decimal("7.25")],
        pa.decimal128(18, 2),
    ),
    "d": pa.array(
        [date(2024, 2, 29), None, date(1899, 12, 31), date(9999, 12, 31), date(2024, 1, 1)], pa.date32()
    ),
    "t": pa.array(
        [datetime(2024, 1, 1, 8, 30, 0, 250000, UTC), None, *[datetime(2024, 1, 1, tzinfo=UTC)] * 3],
        pa.timestamp("us", "UTC"),
    ),
    "tm": pa.array([time(8, 30), None, time(23, 59, 59), time(0), time(12)], pa.time64("us")),
    "ok": pa.array([True, None, False, True, False], pa.bool_()),
    "shape": pa.array([b"\x01", None, b"", b"\x02", b"\x03"], pa.binary()),
    "__row__": pa.array([3, 5, 8, 9, 20], pa.int64()),
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(COLUMNS), path)
    return path


def _verdict(*failures: tuple[str, list[int]]) -> Verdict:
    outcomes = [
        Outcome(
            type="expect_column_values_to_not_be_null",
            kwargs={"column": column},
            outcome="failed",
            failing_rows=rows,
            unexpected_count=len(rows),
        )
        for column, rows in failures
    ]
    return Verdict(
        verdict="failed", engine="duckdb", gx_version="1", rows=5, expectations=outcomes, statistics={}
    )


def _sheets(workbook: bytes) -> dict[str, list[list[Any]]]:
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(workbook))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


EditCells = Callable[[list[list[Any]]], None]


def _edited(workbook: bytes, folder: Path, edit: EditCells) -> Path:
    """The workbook as a person saves it after editing the first sheet."""
    lines = _sheets(workbook)[DATA_SHEET]
    edit(lines)
    path = folder / "corrected.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet(DATA_SHEET)
        for place, line in enumerate(lines):
            for column, cell in enumerate(line):
                sheet.write(place, column, cell) if not isinstance(cell, str) else sheet.write_string(
                    place, column, cell
                )
    return path


def _column(lines: list[list[Any]], name: str) -> int:
    return lines[0].index(name)


def test_one_line_per_failing_row_with_key_problem_and_titles(table: Path) -> None:
    verdict = _verdict(("n", [8]), ("名称", [8, 9]))
    sheets = _sheets(build(table, verdict, {"n": {"title_zh": "数量", "title_en": "Count", "unit": "个"}}))
    lines = sheets[DATA_SHEET]
    assert lines[0][:3] == [KEY_TITLE, FAULT_TITLE, "名称"]
    assert lines[1][_column(lines, "n")] == "数量 / Count (个)"
    assert [line[0] for line in lines[2:]] == [8, 9]
    assert '1. “n”不得为空 / "n" must not be empty\n2. ' in lines[2][1]
    assert [line[1] for line in sheets[RULE_SHEET][1:]] == ["“n”不得为空", "“名称”不得为空"]


def test_failing_rows_are_told_by_their_key_columns(table: Path, tmp_path: Path) -> None:
    verdict = _verdict(("n", [8, 9]), ("名称", [8]))
    first, second = verdict.expectations
    first.failing_keys = [{"名称": "=1", "d": None}, {"名称": "b", "d": "2024-01-01"}]
    second.failing_keys = [{"名称": "=1", "d": None}]
    workbook = build(table, verdict)
    sheets = _sheets(workbook)
    assert sheets[DATA_SHEET][2][1].startswith("主键 Key: 名称 = =1, d = —\n1. ")
    assert sheets[DATA_SHEET][2][1].count("主键") == 1
    assert sheets[RULE_SHEET][1][6] == "名称 = =1, d = —; 名称 = b, d = 2024-01-01"
    path = tmp_path / "same.xlsx"
    path.write_bytes(workbook)
    assert apply_correction(table, path, tmp_path / "out.parquet") == 2


def test_formulas_are_defused(table: Path) -> None:
    lines = _sheets(build(table, _verdict(("n", [3]))))[DATA_SHEET]
    assert lines[2][_column(lines, "名称")] == "'=1+1"


def test_rows_that_come_back_unchanged_change_nothing(table: Path, tmp_path: Path) -> None:
    workbook = build(table, _verdict(("n", [3, 5, 8, 9, 20])))
    path = tmp_path / "same.xlsx"
    path.write_bytes(workbook)
    out = tmp_path / "out.parquet"
    assert apply_correction(table, path, out) == 5
    assert pq.read_table(out).equals(pq.read_table(table))
    assert pq.read_schema(out).equals(pq.read_schema(table))


def test_corrected_cells_take_the_place_of_the_old_ones(table: Path, tmp_path: Path) -> None:
    def edit(lines: list[list[Any]]) -> None:
        line = lines[2]
        for name, value in (
            ("名称", "大鹏"),
            ("n", 7),
            ("x", "2.5"),
            ("fee", 3.5),
            ("d", "2024/3/5"),
            ("ok", "否"),
            ("tm", "09:15"),
            ("t", "2024-03-05T08:00:00+08:00"),
        ):
            line[_column(lines, name)] = value

    path = _edited(build(table, _verdict(("n", [8]))), tmp_path, edit)
    apply_correction(table, path, tmp_path / "out.parquet")
    before, after = pq.read_table(table).to_pylist(), pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert after[2] == {
        "名称": "大鹏", "n": 7, "x": 2.5, "fee": Decimal("3.50"), "d": date(2024, 3, 5), "ok": False, "tm": time(9, 15),
        "t": datetime(2024, 3, 5, tzinfo=UTC), "shape": b"", "__row__": 8,
    }  # fmt: skip
    assert [row for place, row in enumerate(after) if place != 2] == [
        row for place, row in enumerate(before) if place != 2
    ]


def test_without_row_keys_positions_are_the_keys(tmp_path: Path) -> None:
    table = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"n": pa.array([10, 20, 30])}), table)
    path = _edited(build(table, _verdict(("n", [2]))), tmp_path, lambda lines: lines[2].__setitem__(2, 21))
    apply_correction(table, path, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet").to_pydict() == {"n": [10, 21, 30]}


def _set(line: int, column: int, value: Any) -> EditCells:
    return lambda lines: lines[line].__setitem__(column, value)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_set(2, 0, 4), "no row 4"),
        (_set(2, 0, "x"), "line 3"),
        (_set(3, 0, 3), "named twice"),
        (_set(0, 2, "别的列"), "no such column to correct: 别的列"),
        (_set(0, 0, "key"), "no column"),
        (_set(2, 3, "many"), 'line 3, "n": many cannot be read as integer'),
        (_set(2, 3, 1.5), "cannot be read as integer"),
        (_set(2, 6, "31.02."), "cannot be read as date"),
        (lambda lines: lines.__delitem__(slice(2, None)), "no rows"),
    ],
)
def test_what_does_not_fit_is_refused_by_line_and_column(
    table: Path, tmp_path: Path, edit: EditCells, said: str
) -> None:
    path = _edited(build(table, _verdict(("n", [3, 5]))), tmp_path, edit)
    with pytest.raises(InputRefused, match=said):
        apply_correction(table, path, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists() or said != "no row 4"


def test_a_file_that_is_no_workbook_is_refused(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(b"not a workbook")
    with pytest.raises(InputRefused, match="cannot be opened"):
        apply_correction(table, path, tmp_path / "out.parquet")
