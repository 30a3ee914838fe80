"""Encodings, delimiters, line ends, workbooks, JSON and Parquet: small files that each show one thing."""

# ruff: noqa: DTZ001 - tables hold times without a zone
from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from core.errors import InputRefused
from datasets.intake import encodings, json_stream, json_table
from datasets.intake.reader import read_table
from tests.datasets.intake.conftest import Bench

CHINESE = "编号,名称,空位\n" + "".join(f"{i},大鹏所城停车场{i}号,{i * 3}\n" for i in range(1, 40))
TRADITIONAL = "編號,名稱\n" + "".join(f"{i},臺北市政府停車場第{i}區，開放時間為上午\n" for i in range(1, 40))
FRENCH = "id;Année;Hôtel\n" + "".join(f"{i};2013;Hôtel élégant à côté n° {i}\n" for i in range(1, 40))


@pytest.mark.parametrize(
    ("text", "codec", "found"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "utf-8-sig", "utf-8-sig"),
        (CHINESE, "gbk", "gbk"),
        (CHINESE.replace("大鹏", "㐀鹏"), "gb18030", "gb18030"),
        (CHINESE, "utf-16", "utf-16"),
        (CHINESE, "utf-16-le", "utf-16-le"),
        (CHINESE, "utf-16-be", "utf-16-be"),
        (TRADITIONAL, "big5", "big5"),
        (FRENCH, "latin-1", "latin-1"),
        (FRENCH.replace("°", "€"), "cp1252", "cp1252"),
    ],
)
def test_the_encoding_is_found_and_the_text_is_the_same(
    bench: Bench, text: str, codec: str, found: str
) -> None:
    intake = bench.reads(text.encode(codec))
    assert intake.input.encoding == found
    first = text.splitlines()[1].replace(";", ",").split(",")
    assert [str(cell) for cell in bench.rows()[0]] == first


def test_a_damaged_utf8_file_is_refused_with_its_line_not_read_as_something_else(bench: Bench) -> None:
    lines = CHINESE.encode().split(b"\n")
    lines[7] = lines[7][:-10] + b"\xff\xfe" + lines[7][-10:]
    with pytest.raises(InputRefused, match="Line 8"):
        bench.reads(b"\n".join(lines))


def test_a_wrong_encoding_in_the_dictionary_is_refused_with_its_line(bench: Bench) -> None:
    with pytest.raises(InputRefused, match=r"Line 1 .*not valid ascii"):
        bench.reads(CHINESE, encoding="ascii")
    with pytest.raises(InputRefused, match="Unknown encoding"):
        bench.reads(CHINESE, encoding="martian")


def test_an_uncertain_encoding_is_said_to_be_so(bench: Bench) -> None:
    found = bench.reads("id,name\n1,Νικόλαος\n2,Γιώργος\n".encode("iso8859-7"))
    assert [f.code for f in found.findings] == ["encoding-unsure"]


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "\x01", "^", "~"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_delimiter_and_any_line_end(bench: Bench, delimiter: str, newline: str) -> None:
    lines = [["id", "name", "n"], ["a", "x y", "1"], ["b", "z", "2"]]
    found = bench.reads(newline.join(delimiter.join(line) for line in lines) + newline)
    assert found.input.delimiter == delimiter
    assert bench.rows() == [("a", "x y", 1), ("b", "z", 2)]


def test_quoted_line_breaks_delimiters_and_quotes_survive(bench: Bench) -> None:
    found = bench.reads('a,b\n"x\ny","p,q"\n"say ""hi""",z\n', columns=[{"name": "b", "type": "integer"}])
    assert [row[0] for row in bench.rows()] == ["x\ny", 'say "hi"']
    assert [(f.row, f.line) for f in found.findings] == [(1, 2), (2, 4)]


def test_a_quote_that_never_closes_is_refused_with_its_line(bench: Bench) -> None:
    with pytest.raises(InputRefused, match="opened in line 3"):
        bench.reads('a,b\n1,2\n"x,3\n4,5\n')


def test_malformed_quotes_keep_the_text_and_are_reported(bench: Bench) -> None:
    found = bench.reads('a,b\n"x"y,1\nz,2\n')
    assert bench.rows() == [('"x"y', 1), ("z", 2)]
    assert [(f.code, f.line) for f in found.findings] == [("malformed-quotes", 2)]


def test_blank_lines_are_counted(bench: Bench) -> None:
    found = bench.reads("a,b\n\n1,2\n\n\n3,4\n")
    assert bench.rows() == [(1, 2), (3, 4)]
    assert "3 blank lines" in found.findings[0].text.en


def test_the_dictionary_overrides_what_would_be_found(bench: Bench) -> None:
    content = "report;2024\na|b;c|d\n1;2\n"
    found = bench.reads(content, header_line=2, delimiter=";")
    assert ([c.name for c in found.columns], bench.rows()) == (["a|b", "c|d"], [(1, 2)])
    with pytest.raises(InputRefused, match="line 9"):
        bench.reads(content, header_line=9)


def sheet(path: Path, cells: dict[tuple[int, int], Any], **options: Any) -> Path:
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet(options.get("name"))
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for (row, column), value in cells.items():
            if isinstance(value, date):
                page.write_datetime(row, column, value, moment if isinstance(value, datetime) else day)
            elif isinstance(value, str) and value.startswith("="):
                page.write_formula(row, column, value, None, "#DIV/0!")
            else:
                page.write(row, column, value)
        if options.get("hidden_first"):
            other = book.add_worksheet("shown")
            other.write_row(0, 0, ["k", "v"])
            other.write_row(1, 0, ["a", 1])
            other.activate()
            page.hide()
    return path


def test_a_sheet_with_a_title_dates_numbers_as_text_and_an_error(bench: Bench) -> None:
    cells = {
        (0, 0): "停车场一览",
        (2, 0): "编号", (2, 1): "日期", (2, 2): "时刻", (2, 3): "空位", (2, 4): "率",
        (3, 0): "0012", (3, 1): date(2024, 3, 5), (3, 2): datetime(2024, 3, 5, 8, 30), (3, 3): 5, (3, 4): 0.5,
        (4, 0): "0013", (4, 1): date(2024, 3, 6), (4, 2): datetime(2024, 3, 6, 9, 0), (4, 3): 6, (4, 4): "=1/0",
    }  # fmt: skip
    found = bench.reads(sheet(bench.folder / "b", cells))
    assert found.input.header_line == 3
    assert bench.rows() == [
        ("0012", date(2024, 3, 5), datetime(2024, 3, 5, 8, 30), 5, 0.5),
        ("0013", date(2024, 3, 6), datetime(2024, 3, 6, 9, 0), 6, None),
    ]
    error = next(f for f in found.findings if f.code == "error-cell")
    assert (error.line, error.column, error.value) == (5, "E", "#DIV/0!")


def test_hidden_sheets_are_passed_over_and_a_sheet_can_be_named(bench: Bench) -> None:
    path = sheet(bench.folder / "b", {(0, 0): "x", (1, 0): "secret"}, name="hidden", hidden_first=True)
    assert bench.reads(path).input.sheet == "shown"
    assert bench.reads(path, sheet="hidden").input.sheet == "hidden"
    assert bench.reads(path, sheet=2).input.sheet == "shown"
    with pytest.raises(InputRefused, match="hidden, shown"):
        bench.reads(path, sheet="none")


def test_two_cells_a_million_rows_apart_do_not_eat_the_memory(bench: Bench) -> None:
    path = sheet(bench.folder / "b", {(0, 0): "a", (1_048_575, 16_383): "b"})
    with pytest.raises(InputRefused, match="1048576 rows × 16384 columns"):
        bench.reads(path)


def test_json_lists_wrappers_lines_and_keyed_objects_are_tables(bench: Bench) -> None:
    rows = [{"a": 1, "b": {"zh": "大", "en": "big"}}, {"a": 2, "c": [1, 2]}]
    expected = [(1, "大", "big", None), (2, None, None, "[1,2]")]
    assert bench.reads(json.dumps(rows)).input.format == "json"
    assert bench.rows() == expected
    assert (
        bench.reads(json.dumps({"ok": True, "result": {"n": 2, "items": rows}})).input.member
        == "result.items"
    )
    assert bench.rows() == expected
    assert bench.reads("\n".join(map(json.dumps, rows))).input.format == "jsonl"
    assert bench.rows() == expected
    bench.reads(json.dumps({"x": {"a": 1}, "y": {"a": 2}, "z": {"a": 3}}))
    assert bench.rows() == [("x", 1), ("y", 2), ("z", 3)]


def test_records_under_another_key_can_be_named(bench: Bench) -> None:
    document = json.dumps({"big": [{"a": 1}, {"a": 2}], "small": [{"b": 3}]})
    found = bench.reads(document)
    assert (found.input.member, [f.code for f in found.findings]) == ("big", ["other-records"])
    bench.reads(document, member="small")
    assert bench.rows() == [(3,)]
    with pytest.raises(InputRefused, match="big, small"):
        bench.reads(document, member="none")


def test_geojson_gives_properties_and_well_known_text(bench: Bench) -> None:
    shapes = [
        {"type": "Point", "coordinates": [114.5, 22.6]},
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
        None,
    ]
    features = [{"type": "Feature", "properties": {"n": i}, "geometry": g} for i, g in enumerate(shapes)]
    found = bench.reads(json.dumps({"type": "FeatureCollection", "features": features}))
    assert found.input.format == "geojson"
    assert bench.rows() == [(0, "POINT (114.5 22.6)"), (1, "POLYGON ((0 0, 1 0, 1 1, 0 0))"), (2, None)]


@pytest.mark.parametrize("broken", ['[{"a": 1}, {"a"', '{"a": [1, 2', '[{"a": 1}] x', "[" * 100_000])
def test_broken_json_is_refused(bench: Bench, broken: str) -> None:
    with pytest.raises(InputRefused, match="JSON"):
        bench.reads(broken)


@pytest.mark.parametrize(
    ("text", "where"),
    [('[{"a": "' + "x" * 3_000_000 + '"}]', "after character 1 "), ('{"a": 1}\n{"a": "' + "x" * 3_000_000 + '"}\n', "in line 2 ")],
)  # fmt: skip
def test_a_json_value_too_long_is_called_that_not_malformed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, text: str, where: str
) -> None:
    for module in (json_stream, json_table):
        monkeypatch.setattr(module, "MAX_VALUE_CHARS", 1 << 20)
    with pytest.raises(InputRefused, match=f"A value {where}is longer than 1 Mi characters"):
        bench.reads(text)


def test_parquet_keeps_its_types_and_nested_columns_become_text(bench: Bench) -> None:
    table = pa.table(
        {
            "Id": [1, 2],
            "id": ["a", None],
            "day": [date(2024, 1, 1), None],
            "many": [[1, 2], []],
            "one": [{"x": 1}, None],
        }
    )
    pq.write_table(table, bench.folder / "p")
    found = bench.reads(bench.folder / "p")
    assert [(c.name, c.type, c.nulls) for c in found.columns] == [
        ("Id", "integer", 0), ("id_1", "string", 1), ("day", "date", 1), ("many", "string", 0), ("one", "string", 1),
    ]  # fmt: skip
    assert bench.rows() == [(1, "a", date(2024, 1, 1), "[1,2]", '{"x":1}'), (2, None, None, "[]", None)]


def test_a_parquet_column_is_retyped_when_the_dictionary_says_so(bench: Bench) -> None:
    pq.write_table(pa.table({"day": ["101/02/13", "x"], "n": [1, 2]}), bench.folder / "p")
    columns = [{"name": "day", "type": "date"}, {"name": "n", "type": "string"}]
    found = bench.reads(bench.folder / "p", columns=columns)
    assert bench.rows() == [(date(2012, 2, 13), "1"), (None, "2")]
    assert found.untyped_cells == 1


def packed(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_packed_files_are_opened_whatever_they_are_called(bench: Bench) -> None:
    for content in (gzip.compress(CHINESE.encode()), packed({"数据.csv": CHINESE.encode("gbk")})):
        assert bench.reads(content).rows == 39
    assert bench.reads(packed({"a.csv.gz": gzip.compress(CHINESE.encode())})).input.container == "zip"


REFUSED: list[tuple[bytes, str]] = [
    (b"\n\n  \n", "blank lines"),
    (b"\x00\x01\x02\x03" * 100, "binary content"),
    (b"a,b\n1,2\n3,\x004\n", "binary content"),
    (b"%PDF-1.7 ...", "PDF"),
    (b"<!DOCTYPE html><html>", "web page"),
    (b"PAR1 nonsense PAR1", "Parquet file is damaged"),
    (b"PAR1" + b"\x00" * 20 + (1 << 30).to_bytes(4, "little") + b"PAR1", "Parquet file is damaged"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "workbook is damaged"),
    (gzip.compress(b"a,b\n1,2\n" * 1000)[:-30], "gzip file is damaged"),
    (packed({"a.csv": b"a,b\n1,2\n" * 1000})[:-30], "damaged"),
    (packed({}), "no file"),
    (packed({"word/document.xml": b"x", "[Content_Types].xml": b"x"}), "not a workbook"),
    ((",".join(f"c{i}" for i in range(5000)) + "\n" + ",".join(["1"] * 5000) + "\n").encode(), "4096"),
    (b"a,b\n" + b"x" * (17 << 20) + b",1\n", "longer than 16 MiB"),
    (b"[]", "no records"),
]


@pytest.mark.parametrize(("content", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_is_no_table_is_refused_and_nothing_is_left_behind(
    bench: Bench, content: bytes, why: str
) -> None:
    path = bench.file("input", content)
    with pytest.raises(InputRefused, match=why):
        bench.reads(path)
    assert [p.name for p in bench.folder.iterdir()] == ["input"]


def test_a_bomb_is_stopped_while_it_unpacks(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.intake.packed.FREE_RATIO_BYTES", 1 << 20)
    with pytest.raises(InputRefused, match="out of proportion"):
        bench.reads(gzip.compress(b"0" * (40 << 20)))
    with pytest.raises(InputRefused, match="out of proportion"):
        bench.reads(packed({"a.csv": b"0" * (40 << 20)}))


def test_lines_across_chunk_borders_are_counted_right(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "CHUNK", 7)
    content = "a,b\r\n" + "".join(f"{i},中{i}\r\n" for i in range(50))
    for codec in ("utf-8", "gbk"):
        bench.reads(content.encode(codec))
        assert bench.rows() == [(i, f"中{i}") for i in range(50)]


def test_a_wide_table_with_null_marks_stays_within_its_memory(bench: Bench) -> None:
    cells = [["NA" if (row + column) % 9 == 0 else str(row) for column in range(300)] for row in range(40)]
    content = ",".join(f"c{i}" for i in range(300)) + "\n" + "".join(",".join(line) + "\n" for line in cells)
    found = read_table(bench.file("input", content), bench.out, memory_limit_mb=200)
    assert {column.type for column in found.columns} == {"integer"}
    assert bench.rows()[1][7:9] == (1, None)
