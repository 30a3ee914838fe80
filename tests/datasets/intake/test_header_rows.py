"""Headers of several rows in workbooks, and rows of totals at the end."""

from __future__ import annotations

import io
from typing import Any

import pytest
import xlsxwriter

from core.errors import InputRefused
from datasets.intake.header_rows import join, told
from tests.datasets.intake.conftest import Bench

NAMES = ["区域", "车位_总数", "车位_空位", "收入_现金", "收入_刷卡", "备注"]


def workbook(*, title: bool = True, vertical: bool = True, left: int = 0) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        page = book.add_worksheet("统计")
        if title:
            page.merge_range(0, left, 0, left + 5, "停车场统计表")
        if vertical:
            page.merge_range(1, left, 2, left, "区域")
            page.merge_range(1, left + 5, 2, left + 5, "备注")
        else:
            page.write(2, left, "区域")
            page.write(1, left + 5, "备注")
        page.merge_range(1, left + 1, 1, left + 2, "车位")
        page.merge_range(1, left + 3, 1, left + 4, "收入")
        page.write_row(2, left + 1, ["总数", "空位", "现金", "刷卡"])
        for row in range(3, 8):
            page.write_row(row, left, [f"P{row}", row, row - 1, row * 2.5, row * 3.5, "无"])
        page.write_row(8, left, ["合  计", 25, 20, 62.5, 87.5])
    return file.getvalue()


@pytest.mark.parametrize("how", [{}, {"title": False}, {"vertical": False}, {"left": 2}])
def test_merged_cells_that_prove_two_header_rows_join_them(bench: Bench, how: dict[str, Any]) -> None:
    found = bench.reads(bench.file("t.xlsx", workbook(**how)))
    assert [column.name for column in found.columns] == NAMES
    assert (found.rows, found.input.header_line) == (6, 3)
    assert bench.rows()[0][:5] == ("P3", 3, 2, 7.5, 10.5)
    joined = next(finding for finding in found.findings if finding.code == "header-joined")
    assert (joined.line, "certain" in joined.text.en) == (3, True)


def test_a_header_line_in_the_dictionary_is_taken_as_told(bench: Bench) -> None:
    found = bench.reads(bench.file("t.xlsx", workbook()), header_line=3)
    assert "header-joined" not in [finding.code for finding in found.findings]
    assert [column.name for column in found.columns][1:5] == ["总数", "空位", "现金", "刷卡"]


def test_three_rows_join_too_and_anything_unproven_does_not() -> None:
    rows = [["a", "x", "", ""], ["", "p", "", "q"], ["", "u", "v", ""], ["1", "2", "3", "4"]]
    spans = [((0, 0), (2, 0)), ((0, 1), (0, 3)), ((1, 1), (1, 2)), ((1, 3), (2, 3))]
    found = join(rows, spans)
    assert found is not None
    assert found.names == ["a", "x_p_u", "x_p_v", "x_q"]
    assert join(rows, spans[:2]) is None


def test_an_empty_block_and_merged_cells_of_the_records_do_not_hinder() -> None:
    """As in `issue-320.xlsx`: the corner above the names is one empty cell, and the first record has merged cells."""
    rows = [
        ["", "", "x", "", "y", ""],
        ["a", "b", "p", "q", "p", "q"],
        ["sum of all", "", "1", "2", "3", "4"],
    ]
    spans = [((0, 0), (0, 1)), ((0, 2), (0, 3)), ((0, 4), (0, 5)), ((2, 0), (2, 1))]
    found = join(rows, spans)
    assert found is not None
    assert found.names == ["a", "b", "x_p", "x_q", "y_p", "y_q"]
    assert join([["t", "", ""], ["a", "b", "c"], ["1", "2", "3"]], [((0, 0), (0, 2))]) is None
    assert join([["a", "g", ""], ["", "u", ""], ["1", "2", "3"]], [((0, 1), (0, 2))]) is None


TOTALS = ["合计", "总  计", "小计：", "合计（万元）", "Total", "Grand total", "本页小计"]


@pytest.mark.parametrize("word", TOTALS)
def test_a_row_of_totals_at_the_end_is_kept_and_named(bench: Bench, word: str) -> None:
    found = bench.reads(f"lot,free\nA,1\nB,2\n{word},3\n")
    assert bench.rows()[-1] == (word, 3)
    assert [(f.code, f.row, f.line) for f in found.findings] == [("totals-row", 3, 4)]


@pytest.mark.parametrize("words", [["合计", "B"], ["A", "合计停车场"], ["A", "Totality"]])
def test_totals_elsewhere_and_words_that_only_look_alike_are_not_named(
    bench: Bench, words: list[str]
) -> None:
    found = bench.reads("lot,free\n" + "".join(f"{word},{i}\n" for i, word in enumerate([*words, "C"][:2])))
    assert "totals-row" not in [finding.code for finding in found.findings]


def test_totals_of_a_workbook_name_their_row_in_it(bench: Bench) -> None:
    found = bench.reads(bench.file("t.xlsx", workbook()))
    named = [(f.row, f.line, f.value) for f in found.findings if f.code == "totals-row"]
    assert named == [(6, 9, "合  计")]


def test_blank_rows_are_counted_to_the_end_of_the_sheet(bench: Bench) -> None:
    """Those between the last record and the notes below it too."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        page = book.add_worksheet("t")
        for row, cells in enumerate([["a", "b"], [], ["x", 1], ["y", 2], [], [], ["Source: here"]]):
            page.write_row(row, 0, cells)
    found = bench.reads(bench.file("t.xlsx", file.getvalue()))
    assert found.rows == 2
    assert {finding.code: finding.text.en for finding in found.findings} == {
        "footer-line": "Line 7 stands below the table and is not part of it.",
        "blank-lines": "3 blank lines were skipped.",
    }


NOTES = ("*****", "Footnotes", "1.;until 1992 the west only", "*****", "  Partners:;from 1999 on")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_notes_below_a_ruled_line_are_set_apart_though_they_fill_two_cells(
    bench: Bench, delimiter: str
) -> None:
    table = ["name;1990;1991;1992;1993", *(f"n{year};{year};2;3;4" for year in range(1, 6))]
    found = bench.reads("\n".join((*table, *NOTES)).replace(";", delimiter) + "\n")
    assert (found.rows, [each.code for each in found.findings]) == (5, ["footer-line"] * len(NOTES))


def test_a_ruled_line_with_records_below_it_stays_a_record(bench: Bench) -> None:
    found = bench.reads("name,a,b,c,d\nx,1,2,3,4\n-----,,,,\ny,5,6,7,8\n")
    assert (found.rows, found.findings_total) == (3, 0)


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (
            [["区域", "车位", "", "备注"], ["", "总数", "空位", ""]],
            ["区域", "车位_总数", "车位_空位", "备注"],
        ),
        ([["A", "B", ""], ["", "", "C"]], ["A", "B", "C"]),  # nothing below B: it heads one column
        ([["A", "A"], ["A", "b"]], ["A", "A_b"]),
        ([["X", "", "", ""], ["Y", "", "Z", ""], ["1", "2", "3", "4"]], ["X_Y_1", "X_Y_2", "X_Z_3", "X_Z_4"]),
        ([["", "t"], ["n", ""]], ["n", "t"]),
        ([["a"], ["b", "c"]], ["a_b", "a_c"]),
        ([], []),
    ],
)
def test_rows_that_a_person_calls_the_header_become_one_name_each(
    rows: list[list[str]], names: list[str]
) -> None:
    assert told(rows) == names


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_header_rows_are_joined_as_told_in_texts_and_workbooks(bench: Bench, form: str) -> None:
    rows = [
        ["停车场统计", "", ""],
        ["区域", "车位", ""],
        ["", "总数", "空位"],
        ["P1", "20", "3"],
        ["P2", "30", "4"],
    ]
    if form == "csv":
        content = "\n".join(",".join(row) for row in rows) + "\n"
        found = bench.reads(content, header_line=3, header_rows=2)
    else:
        file = io.BytesIO()
        with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
            page = book.add_worksheet()
            for number, row in enumerate(rows):
                page.write_row(number, 0, row)
        found = bench.reads(bench.file("t.xlsx", file.getvalue()), header_line=3, header_rows=2)
    assert [column.name for column in found.columns] == ["区域", "车位_总数", "车位_空位"]
    assert (found.rows, found.input.header_line) == (2, 3)
    assert [finding.line for finding in found.findings if finding.code == "title-line"] == [1]
    assert [finding.line for finding in found.findings if finding.code == "header-joined"] == [3]


@pytest.mark.parametrize(
    "how", [{"header_rows": 2}, {"header_rows": 2, "header_line": 0}, {"header_rows": 3, "header_line": 2}]
)
def test_header_rows_that_stand_nowhere_are_refused(bench: Bench, how: dict[str, int]) -> None:
    with pytest.raises(InputRefused, match="header_line"):
        bench.reads("a,b\nc,d\n1,2\n3,4\n", **how)
