"""Files made to harm: each is read as the table that it is, or refused in words, with nothing fetched, unpacked elsewhere or left behind."""

from __future__ import annotations

import io
import resource
import zipfile
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from core.errors import InputRefused
from tests.datasets.intake.conftest import Bench

SECRET = "root:x:0:0"
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))


def a_book(room: Path, **parts: bytes) -> bytes:
    """A workbook of one text cell; `parts` take the place of files in it."""
    with xlsxwriter.Workbook(room / "plain.xlsx", {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "name")
        sheet.write(1, 0, "大鹏")
    out = io.BytesIO()
    with (
        zipfile.ZipFile(room / "plain.xlsx") as plain,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for info in plain.infolist():
            made.writestr(info.filename, parts.get(Path(info.filename).stem.lower(), plain.read(info)))
    (room / "plain.xlsx").unlink()
    return out.getvalue()


@pytest.mark.parametrize(
    "doctype",
    [f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>', '<!DOCTYPE x [<!ENTITY l8 SYSTEM "file:///etc/passwd">]>'],
)
@pytest.mark.parametrize("part", ["sharedstrings", "sheet1"])
def test_entities_in_a_workbook_bring_nothing_in(bench: Bench, doctype: str, part: str) -> None:
    """Neither a file of ours nor a text that grows a hundred millionfold."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    content = {
        "sharedstrings": f'<sst xmlns="{main}" count="2" uniqueCount="2"><si><t>name</t></si><si><t>&l8;</t></si></sst>',
        "sheet1": f'<worksheet xmlns="{main}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row>'
        '<row r="2"><c r="A2" t="inlineStr"><is><t>&l8;</t></is></c></row></sheetData></worksheet>',
    }[part]  # fmt: skip
    book = a_book(bench.folder, **{part: f'<?xml version="1.0"?>{doctype}{content}'.encode()})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        found = bench.reads(book)
    except InputRefused:
        pass
    else:
        shown = str(bench.rows()) + str(found.model_dump())
        assert SECRET not in shown
        assert "haha" not in shown
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_a_workbook_that_would_burst_is_refused_before_it_is_unpacked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.intake.container.FREE_RATIO_BYTES", 1 << 20)
    with pytest.raises(InputRefused, match="out of proportion"):
        bench.reads(a_book(bench.folder, sheet1=b"<worksheet>" + b" " * (40 << 20) + b"</worksheet>"))


@pytest.mark.parametrize(
    "name",
    [
        "../../escaped.csv",
        "/tmp/datagrant-escaped.csv",  # noqa: S108
        "..\\escaped.csv",
        "a\u202evsc.exe",
        "é" * 200 + ".csv",
    ],
)
def test_a_members_name_is_no_path(bench: Bench, name: str) -> None:
    """The content is the table, or the archive is refused; where the name points, no file appears."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, "a,b\n1,2\n")
    before = {*bench.folder.parent.rglob("*")}
    with suppress(InputRefused):
        assert bench.reads(out.getvalue()).rows == 1
    assert {each.name for each in {*bench.folder.parent.rglob("*")} - before} <= {"input", "t.parquet"}
    assert not Path("/tmp/datagrant-escaped.csv").exists()  # noqa: S108 - must not be there


def test_a_link_in_an_archive_is_not_followed(bench: Bench) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("table.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    try:
        bench.reads(out.getvalue())
    except InputRefused:
        return
    assert SECRET not in str(bench.rows())


def test_a_small_parquet_of_very_many_rows_is_read_within_memory(bench: Bench) -> None:
    """Two million equal rows in a few kilobytes: dictionary and run lengths unpack batch by batch."""
    pq.write_table(pa.table({"v": pa.repeat("大鹏" * 20, 2_000_000)}), bench.folder / "p", compression="zstd")
    assert (bench.folder / "p").stat().st_size < 100_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert bench.reads(bench.folder / "p").rows == 2_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 900 * 1024


def test_a_file_that_is_two_things_is_taken_for_the_first_alone(bench: Bench) -> None:
    """A table with an archive behind it, and an archive with a page before it, open no second door."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inner.csv", "x,y\n9,9\n")
    with pytest.raises(InputRefused):
        bench.reads(b"a,b\n1,2\n" + out.getvalue())
    with pytest.raises(InputRefused, match="web page"):
        bench.reads(b"<html>" + out.getvalue())
    with pytest.raises(InputRefused, match="PDF"):
        bench.reads(b"%PDF-1.7\n" + out.getvalue())
