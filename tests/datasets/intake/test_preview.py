"""A file can be looked at before anything is built on it: both ends as typed, and every suspicious cell with its line."""

from __future__ import annotations

from typing import Any

from datasets.intake.dictionary import Dictionary
from datasets.intake.looks import FilePreview
from datasets.intake.preview import preview_file
from tests.datasets.intake.conftest import Bench

ROWS = "".join(f"P{i:02d},东门{i},{i},2026-03-{i % 28 + 1:02d}\n" for i in range(1, 41))


def see(bench: Bench, content: bytes | str, count: int = 3, **known: Any) -> FilePreview:
    return preview_file(bench.file("f.csv", content), Dictionary.model_validate(known), count)


def marks(seen: FilePreview) -> set[tuple[str, int | None, str | None]]:
    return {(each.code, each.line, each.column) for each in seen.suspicious}


def test_both_ends_are_shown_as_typed_with_their_lines(bench: Bench) -> None:
    seen = see(bench, f"一览表\n编号,名称,空位,日期\n{ROWS}")
    assert [(row.row, row.line) for row in (*seen.first, *seen.last)] == [
        (1, 3), (2, 4), (3, 5), (38, 40), (39, 41), (40, 42),
    ]  # fmt: skip
    assert seen.first[0].cells == ["P01", "东门1", 1, "2026-03-02"]
    assert [column.type for column in seen.columns] == ["string", "string", "integer", "date"]
    assert (seen.suspicious, seen.suspicious_total, seen.looked_at) == ([], 0, 40)


def test_a_short_table_is_shown_once(bench: Bench) -> None:
    seen = see(bench, "a,b\n1,x\n2,y\n", 20)
    assert (len(seen.first), seen.last) == (2, [])


def test_every_kind_of_suspicious_cell_is_found_with_line_and_column(bench: Bench) -> None:
    odd = "P41 ,东\u200b门,很多,2026-03-01\nＰ４２,坏\ufffd,5,2026-03-01\n合计,,820,\n"
    seen = see(bench, f"编号,名称,名称,日期\n{ROWS}{odd}")
    assert marks(seen) == {
        ("column-renamed", 1, "名称_2"),
        ("outer-blanks", 42, "编号"),
        ("control-character", 42, "名称"),
        ("odd-form", 42, "名称_2"),
        ("full-width", 43, "编号"),
        ("replacement-character", 43, "名称"),
        ("totals-row", 44, "编号"),
    }
    assert seen.suspicious_total == len(seen.suspicious)


def test_cells_that_do_not_fit_their_declared_type_stand_among_them(bench: Bench) -> None:
    seen = see(bench, "编号,空位\nP1,很多\nP2,3\n", columns=[{"name": "空位", "type": "integer"}])
    assert marks(seen) == {("untyped-cell", 2, "空位")}


def test_lines_are_true_where_cells_hold_line_breaks(bench: Bench) -> None:
    rows = "".join(f'P{i:02d},"东\n门",{i}\n' for i in range(1, 30))
    seen = see(bench, f"编号,名称,空位\n{rows}P30 ,x,1\n")
    assert ("outer-blanks", 60, "编号") in marks(seen)
    assert {row.line for row in seen.first} == {None}


def test_names_and_free_text_are_not_called_odd(bench: Bench) -> None:
    rows = "".join(f"{name},{text}\n" for name, text in zip("甲乙丙丁戊" * 8, "abcde" * 8, strict=True))
    assert see(bench, f"名称,备注\n{rows}福田(店),C 座 3 层\n").suspicious_total <= 2
