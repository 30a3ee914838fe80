"""Files built to burst memory, disk or time: refused in a sentence, long before they have had their way."""

from __future__ import annotations

import io
import resource
import struct
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from core.errors import InputRefused
from datasets.intake.reader import read_table


def _workbook(**parts: bytes) -> bytes:
    """A sound workbook whose named parts hold something else."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet()
        for row in range(4):
            sheet.write_row(row, 0, ["lot", "n"] if row == 0 else [f"P{row}", row])
    out = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, parts.get(Path(info.filename).stem, old.read(info.filename)))
    return out.getvalue()


def _understated(book: bytes, part: str) -> bytes:
    """The same archive, whose directory says that this part unpacks to 99 bytes."""
    raw = bytearray(book)
    for sign, at_size, at_name in ((b"PK\x01\x02", 24, 46), (b"PK\x03\x04", 22, 30)):
        at = raw.find(sign)
        while at >= 0:
            if raw[at + at_name : at + at_name + len(part)] == part.encode():
                struct.pack_into("<I", raw, at + at_size, 99)
            at = raw.find(sign, at + 4)
    return bytes(raw)


BILLION = (
    b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaaaaaaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 16) for n in range(9))
    + b"]><workbook>&j;</workbook>"
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&f;</t></si></sst>'
)
WIDE = b'<?xml version="1.0"?><workbook>' + b"<a/>" * (64 << 18) + b"</workbook>"


def _read(tmp_path: Path, content: bytes) -> str:
    """How it ended: the refusal, or the cells."""
    source, out = tmp_path / "input", tmp_path / "t.parquet"
    source.write_bytes(content)
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read_table(source, out)
        ended = str(pq.read_table(out).to_pydict())
    except InputRefused as refused:
        ended = f"refused: {refused.detail.en}"
    assert time.monotonic() - began < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700 << 10, "KiB more than before"
    return ended


@pytest.mark.parametrize(
    ("part", "content"), [("workbook", BILLION), ("sheet1", BILLION), ("sharedStrings", BILLION), ("workbook", WIDE)],
    ids=["entities-in-the-book", "entities-in-a-sheet", "entities-in-texts", "elements-without-end"],
)  # fmt: skip
def test_a_workbook_that_would_grow_is_refused(tmp_path: Path, part: str, content: bytes) -> None:
    assert _read(tmp_path, _workbook(**{part: content})).startswith("refused")


def test_a_workbook_brings_no_file_of_ours_along(tmp_path: Path) -> None:
    assert "root:" not in _read(tmp_path, _workbook(sharedStrings=OUTSIDE))


@pytest.mark.slow
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_a_directory_that_understates_a_part_helps_nobody(tmp_path: Path, part: str) -> None:
    huge = b"<x>" + b" " * (300 << 20) + b"</x>"
    stem = Path(part).stem
    assert _read(tmp_path, _understated(_workbook(**{stem: huge}), part)).startswith("refused")


def test_a_parquet_of_a_hundred_million_rows_in_a_few_bytes_is_refused(tmp_path: Path) -> None:
    made = io.BytesIO()
    part = pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0] * (1 << 21), pa.int8()), ["x"])})
    with pq.ParquetWriter(made, part.schema) as writer:
        for _ in range(60):
            writer.write_table(part, row_group_size=1 << 21)
    assert made.tell() < 1 << 20
    assert "out of proportion" in _read(tmp_path, made.getvalue())
