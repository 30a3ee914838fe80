"""Each conclusion about a file says how sure it is: high where the evidence is plain, below the bound where it is not."""

from __future__ import annotations

import io
import json

import pytest
import xlsxwriter

from core.errors import InputRefused
from datasets.intake.guesses import LOOK_BELOW, Guess, doubts, spoken
from tests.datasets.intake.conftest import Bench

PLAIN = "编号,名称,空位,日期\n" + "".join(f"P{i},东门{i},{i},2026-03-01\n" for i in range(30))


def guess(bench: Bench, aspect: str, content: bytes | str, **known: object) -> Guess:
    found = bench.reads(content, **known).input.detection
    return next(each for each in found if each.aspect == aspect)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_plain_file_leaves_no_doubt_in_whatever_encoding(bench: Bench, codec: str) -> None:
    found = bench.reads(PLAIN.encode(codec)).input.detection
    assert [each.aspect for each in found] == ["format", "encoding", "delimiter", "quote", "header_line"]
    assert doubts(found) == []
    assert all(each.why.zh and each.why.en for each in found)


def test_two_encodings_that_fit_as_well_are_a_doubt_and_each_is_named(bench: Bench) -> None:
    found = guess(bench, "encoding", "id,name\n1,门\n".encode("gbk"))
    assert found.value == "gbk"
    assert found.confidence < LOOK_BELOW
    assert "big5" in {each.value for each in found.alternatives}


def test_a_header_that_spells_the_dictionarys_names_settles_the_encoding(bench: Bench) -> None:
    content = "编号,名称\n1,门\n".encode("gbk")
    assert guess(bench, "encoding", content).confidence < 1
    assert guess(bench, "encoding", content, columns=[{"name": "编号"}, {"name": "名称"}]).confidence == 1


@pytest.mark.parametrize("rows", [1, 6, 60])
def test_a_delimiter_that_does_not_split_the_header_is_doubted_where_it_is_taken(
    bench: Bench, rows: int
) -> None:
    found = guess(bench, "delimiter", "id;x;y\n" + "1;0,5;0,7\n" * rows)
    assert found.value == ";" or found.confidence < LOOK_BELOW
    assert ";" in {found.value, *(each.value for each in found.alternatives)}


def test_times_and_lists_inside_cells_cast_no_doubt_on_the_comma(bench: Bench) -> None:
    content = "id,at,tags\n" + "".join(f"{i},2026-03-01 08:{i:02d}:00,a|b\n" for i in range(30))
    assert guess(bench, "delimiter", content).confidence == 1.0


def test_cells_in_single_quotes_are_kept_as_text_and_doubted_until_said(bench: Bench) -> None:
    content = "id,name\n" + "".join(f"{i},'a{i}, b'\n" for i in range(10))
    quoted = content.replace(", b", " b")
    assert guess(bench, "quote", quoted).confidence < LOOK_BELOW
    assert bench.reads(content, quote="'").rows == 10
    assert bench.rows()[0] == (0, "a0, b")
    bench.reads('id,name\n1,5" pipe\n2,"6"" pipe"\n', quote="none")
    assert bench.rows() == [(1, '5" pipe'), (2, '"6"" pipe"')]


def test_a_line_of_units_below_the_header_is_a_doubt(bench: Bench) -> None:
    content = "站点,降水量,气温\n,毫米,摄氏度\n" + "".join(f"{i}号站,{i}.5,{i}\n" for i in range(20))
    found = guess(bench, "header_line", content)
    assert (found.value, found.confidence) == (1, 0.5)
    assert found.alternatives[0].value == 2
    assert bench.reads(content, header_line=2).rows == 20


def test_missing_marks_in_the_first_record_are_no_second_header(bench: Bench) -> None:
    content = "id,a,b\n1,NA,NA\n" + "".join(f"{i},{i},{i}.5\n" for i in range(2, 20))
    assert guess(bench, "header_line", content).confidence > LOOK_BELOW


def test_the_dictionary_finds_its_header_below_lines_that_look_like_one(bench: Bench) -> None:
    content = "甲,乙,丙\n一,二,三\n编号,名称,数量\nA,东门,3\n"
    found = guess(
        bench, "header_line", content, columns=[{"name": "编号"}, {"name": "qty", "title_zh": "数量"}]
    )
    assert (found.value, found.confidence) == (3, 1.0)


def test_a_header_without_one_name_of_the_dictionary_is_a_doubt(bench: Bench) -> None:
    found = guess(bench, "header_line", PLAIN, columns=[{"name": "lot"}, {"name": "free"}])
    assert found.confidence < LOOK_BELOW
    assert "dictionary" in found.why.en


def test_what_somebody_said_is_told_and_never_doubted(bench: Bench) -> None:
    found = bench.reads(PLAIN, header_line=0, delimiter=",", encoding="utf-8").input.detection
    assert {each.aspect for each in found if each.told} == {"header_line", "delimiter", "encoding"}
    assert doubts(found) == []


def test_lines_can_be_left_whole(bench: Bench) -> None:
    found = bench.reads("name\na,b\nc,d\n", delimiter="\n", header_line=1)
    assert bench.rows() == [("a,b",), ("c,d",)]
    assert next(each for each in found.input.detection if each.aspect == "delimiter").told


def workbook(*sheets: tuple[str, int]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        for name, rows in sheets:
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["编号", "数量"])
            for row in range(rows):
                sheet.write_row(row + 1, 0, [f"P{row}", row])
    return out.getvalue()


def test_one_large_sheet_is_sure_and_two_alike_are_not(bench: Bench) -> None:
    assert guess(bench, "sheet", workbook(("数据", 20))).confidence == 1.0
    assert guess(bench, "sheet", workbook(("数据", 200), ("说明", 1))).confidence > LOOK_BELOW
    doubtful = guess(bench, "sheet", workbook(("说明", 1), ("数据", 200)))
    assert doubtful.confidence < LOOK_BELOW
    assert [each.value for each in doubtful.alternatives] == ["数据"]
    assert bench.reads(workbook(("说明", 1), ("数据", 200)), sheet="2").rows == 200


def test_two_lists_in_one_document_are_a_doubt(bench: Bench) -> None:
    document = {"lots": [{"a": 1}, {"a": 2}], "gates": [{"b": 1}, {"b": 2}]}
    found = guess(bench, "member", json.dumps(document))
    assert found.confidence < LOOK_BELOW
    assert len(found.alternatives) == 1
    assert bench.reads(json.dumps(document), member="gates").input.member == "gates"


def test_a_format_can_be_said_for_text_but_not_against_a_signature(bench: Bench) -> None:
    assert bench.reads('["a"],b\n1,2\n', format="csv").input.format == "csv"
    with pytest.raises(InputRefused, match="By its content the file is xlsx"):
        bench.reads(workbook(("数据", 2)), format="csv")


def test_a_locked_workbook_is_called_locked_and_a_word_document_by_its_name(bench: Bench) -> None:
    signature = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
    with pytest.raises(InputRefused, match="protected by a password"):
        bench.reads(signature + "EncryptedPackage".encode("utf-16-le") + bytes(500))
    with pytest.raises(InputRefused, match="a Word document"):
        bench.reads(signature + "WordDocument".encode("utf-16-le") + bytes(500))


def test_values_are_named_as_people_say_them() -> None:
    assert spoken("delimiter", "\t").en == "tab"
    assert spoken("header_line", 0).zh == "没有表头"
    assert spoken("header_line", 3).zh == "第 3 行"
