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

from core.errors import InputRefused
from tests.datasets.intake.conftest import Bench

SECRET = "root:x:0:0"


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


@pytest.mark.slow
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
