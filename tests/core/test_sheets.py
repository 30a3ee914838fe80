"""Files that people open in spreadsheets run nothing, whatever a name says, and equal tables are equal files."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from python_calamine import CalamineWorkbook

from core.sheets import Sheet, csv_of, xlsx_of

HOSTILE = ["=1+1", "+86", "-2", "@cmd", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_no_formula(text: str) -> None:
    sheet = Sheet(text, [text, "n"], [[text, -5], [None, 2**60]])
    rows = list(csv.reader(io.StringIO(b"".join(csv_of(sheet)).decode("utf-8-sig"), newline="")))
    assert rows[0][0] == rows[1][0] == f"'{text}"
    assert rows[1][1] == "-5"
    made = xlsx_of([sheet._replace(name="s")])
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        assert b"<f" not in parts.read("xl/worksheets/sheet1.xml"), "no cell holds a formula"
    cells = CalamineWorkbook.from_filelike(io.BytesIO(made)).get_sheet_by_index(0).to_python()
    assert str(cells[0][0]).startswith("'")
    assert str(cells[1][0]).startswith("'")
    assert cells[1][1] == -5
    assert cells[2][1] == str(2**60), "no digit of a large number is lost"


def test_equal_tables_are_equal_files() -> None:
    made = [xlsx_of([Sheet("一", ["a"], [[1], ["二"]]), Sheet("二", ["b"], [])]) for _ in range(2)]
    assert made[0] == made[1]
