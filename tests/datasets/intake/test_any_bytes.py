"""Whatever the bytes: a table with every record in it, or one refusal. Never a crash, never a lost row."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InputRefused
from datasets.intake.dictionary import Column, Dictionary
from datasets.intake.facts import Intake
from datasets.intake.reader import read_table
from tests.examples import examples

CHEAP = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(content: bytes, dictionary: Dictionary | None = None) -> tuple[Intake, list[tuple[Any, ...]]]:
    with TemporaryDirectory() as folder:
        source, out = Path(folder) / "input", Path(folder) / "t.parquet"
        source.write_bytes(content)
        try:
            found = read_table(source, out, dictionary=dictionary)
        finally:
            assert {p.name for p in Path(folder).iterdir()} <= {"input", "t.parquet"}
        return found, duckdb.sql(f"SELECT * FROM '{out}' ORDER BY __row__").fetchall()


def workbook() -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        page = book.add_worksheet()
        for row in range(6):
            page.write_row(row, 0, ["lot", "空位", "n"] if row == 0 else [f"P{row}", "是", row])
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": list(range(50)), "b": ["x"] * 50}), file)
    return file.getvalue()


TEXT = "停车场,空位,日期\n" + "".join(f"大鹏{i}号,{i},2024-03-{i:02d}\n" for i in range(1, 20))
SEEDS = [
    TEXT.encode(),
    TEXT.encode("gb18030"),
    TEXT.encode("utf-16"),
    ('"' + TEXT.replace(",", '","').replace("\n", '"\r\n"')).rstrip('"').encode(),
    gzip.compress(TEXT.encode()),
    json.dumps([{"a": i, "b": {"c": "是"}} for i in range(9)]).encode(),
    "\n".join(json.dumps({"a": i}) for i in range(9)).encode(),
    workbook(),
    parquet(),
]


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["flip", "cut", "insert", "double"])):
            case "flip" if at < len(content):
                content[at] = draw(st.integers(0, 255))
            case "cut":
                del content[at : at + draw(st.integers(1, 40))]
            case "insert":
                content[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "double":
                content[at:at] = content[at : at + 50]
    return bytes(content)


@CHEAP
@given(mutilated())
def test_mutilated_files_are_read_whole_or_refused(content: bytes) -> None:
    try:
        found, rows = read(content)
    except InputRefused:
        return
    assert found.rows == len(rows) > 0
    assert [row[-1] for row in rows] == list(range(1, found.rows + 1))


@pytest.mark.parametrize("shape", ['{{"a":1}}\n{{"a":{0}}}\n', '[{{"a":1}},{{"a":{0}}}]'])
def test_a_number_without_end_is_refused_in_words(shape: str) -> None:
    with pytest.raises(InputRefused, match="JSON"):
        read(shape.format("1" * 5000).encode())


CELL = st.text(
    st.sampled_from("ab01-,;\t\"'\n \u3000中é./年") | st.characters(exclude_categories=["Cs", "Cc"]),
    max_size=8,
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 5))
    return draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=12))


@pytest.mark.slow
@CHEAP
@given(tables(), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_every_cell_of_a_well_formed_table_arrives(
    table: list[list[str]], delimiter: str, newline: str, always_quoted: bool
) -> None:
    file = io.StringIO()
    quoting = csv.QUOTE_ALL if always_quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    names = [f"c{i}" for i in range(len(table[0]))]
    writer.writerow(names)
    anchored = [*table, ["end"] * len(names)]
    writer.writerows(anchored)
    columns = [Column(name=name, type="string") for name in names]
    known = Dictionary(header_line=1, delimiter=delimiter, encoding="utf-8", columns=columns)
    found, rows = read(file.getvalue().encode(), known)
    assert found.input.header_line == 1
    assert [list(row[:-1]) for row in rows] == [[cell or None for cell in record] for record in anchored]


PLAIN = st.text("ab01- 中./年月", min_size=1, max_size=6).filter(str.strip)


@pytest.mark.slow
@CHEAP
@given(
    st.lists(st.lists(PLAIN, min_size=3, max_size=3), min_size=2, max_size=15),
    st.sampled_from(["gbk", "utf-8"]),
)
def test_detection_never_loses_a_line(table: list[list[str]], codec: str) -> None:
    lines = [",".join(record) for record in table]
    try:
        found, rows = read(("\n".join(lines) + "\n").encode(codec))
    except InputRefused:
        return
    apart = sum(f.code in ("title-line", "footer-line") for f in found.findings)
    header = 1 if found.input.header_line else 0
    assert len(rows) + apart + header == len(lines)
