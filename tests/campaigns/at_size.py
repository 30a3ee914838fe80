"""Reads large and hostile files, each by `datagrant check` in a process of its own, and writes docs/at_size.md.

`python -m tests.campaigns.at_size [--only NAME …] [--scale 0.01]`: files are made by formula in `--dir` and removed after use. Exit 1 when one is
not answered as wanted, or takes more memory than a process may.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import xlsxwriter

from tests.bench.table import SQL

PAGE: Final = Path(__file__).parents[2] / "docs" / "at_size.md"
MOST_MB: Final = 1200
SUITE: Final = {"name": "any", "expectations": [{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}]}  # fmt: skip
BEFORE: Final = """# Large and hostile files

Written by `python -m tests.campaigns.at_size`: each file is made by formula, then read, typed, checked with one rule and written as Parquet by
`datagrant check` in a process of its own. Memory is the highest the process ever held, libraries and all; 1,200 MB are allowed.

"""
BLOCK: Final = 1 << 20


class Case(NamedTuple):
    """One file: how it is made from a number of rows (or mebibytes), and whether it is to be read or refused."""

    make: Callable[[Path, int], None]
    size: int
    suffix: str
    read: bool


def copy(options: str, columns: str = "*") -> Callable[[Path, int], None]:
    def make(path: Path, rows: int) -> None:
        with duckdb.connect() as connection:
            connection.execute("SET memory_limit='1GB'")
            connection.execute(
                f"COPY (SELECT {columns} FROM ({SQL.format(rows=rows)})) TO '{path}' ({options})"
            )

    return make


def packed(into: Callable[[Path, Path], None]) -> Callable[[Path, int], None]:
    def make(path: Path, rows: int) -> None:
        plain = path.with_name("plain.csv")
        copy("HEADER")(plain, rows)
        into(plain, path)
        plain.unlink()

    return make


def into_zip(plain: Path, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.write(plain, "table.csv")


def into_gzip(plain: Path, path: Path) -> None:
    with plain.open("rb") as source, gzip.open(path, "wb", compresslevel=1) as target:
        while block := source.read(BLOCK):
            target.write(block)


def in_gb18030(path: Path, rows: int) -> None:
    plain = path.with_name("plain.csv")
    copy("HEADER")(plain, rows)
    with plain.open(encoding="utf-8") as source, path.open("w", encoding="gb18030") as target:
        while block := source.read(BLOCK):
            target.write(block)
    plain.unlink()


def json_array(path: Path, rows: int) -> None:
    copy("FORMAT json, ARRAY true")(path, rows)


def wide(path: Path, columns: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(f"c{number}" for number in range(columns)) + "\n")
        for _ in range(20):
            file.write(",".join("1" for _ in range(columns)) + "\n")


def one_line(path: Path, mebibytes: int, *, before: bytes = b"", after: bytes = b"") -> None:
    with path.open("wb") as file:
        file.write(before)
        for _ in range(mebibytes):
            file.write(b"x" * BLOCK)
        file.write(after)


def json_line(path: Path, mebibytes: int) -> None:
    one_line(path, mebibytes, before=b'[{"a": "', after=b'"}]')


def bomb(path: Path, mebibytes: int) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("table.csv", "w", force_zip64=True) as member,
    ):
        member.write(b"a,b\n")
        for _ in range(mebibytes):
            member.write(b"0" * BLOCK)


def a_workbook(path: Path) -> None:
    with xlsxwriter.Workbook(path) as made:
        made.add_worksheet().write_row(0, 0, ["a", "b"])


def picture_bomb(path: Path, mebibytes: int) -> None:
    a_workbook(path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/media/big.xml", "w", force_zip64=True) as member,
    ):
        for _ in range(mebibytes):
            member.write(b" " * BLOCK)


def sheet_bomb(path: Path, mebibytes: int) -> None:
    """The sheet's own XML never ends."""
    small = path.with_name("small.xlsx")
    a_workbook(small)
    row = b'<row><c t="inlineStr"><is><t>' + b"y" * 1000 + b"</t></is></c></row>"
    begins = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    with zipfile.ZipFile(small) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for each in source.infolist():
            if not each.filename.endswith("sheet1.xml"):
                target.writestr(each, source.read(each))
                continue
            with target.open(each.filename, "w", force_zip64=True) as sheet:
                sheet.write(begins)
                for _ in range(mebibytes):
                    sheet.write(row * (BLOCK // len(row)))
                sheet.write(b"</sheetData></worksheet>")
    small.unlink()


def hostile_footer(path: Path, _: int) -> None:
    """A Parquet file that claims a footer of two gigabytes."""
    path.write_bytes(b"PAR1" + b"\x15\x04" * 4096 + struct.pack("<I", (1 << 31) - 1) + b"PAR1")


CASES: Final[dict[str, Case]] = {
    "CSV, regular": Case(copy("HEADER"), 20_000_000, ".csv", True),
    "CSV, line breaks in quotes": Case(
        copy("HEADER", "* REPLACE (CASE WHEN record_id % 50 = 0 THEN '甲' || chr(10) || '乙' ELSE remark END AS remark)"),
        5_000_000, ".csv", True,
    ),
    "CSV, a cell of a thousand that cannot be typed": Case(
        copy("HEADER", "* REPLACE (CASE WHEN record_id % 1000 = 999 THEN '约' || visitors ELSE visitors::VARCHAR END AS visitors)"),
        5_000_000, ".csv", True,
    ),
    "CSV in GB18030": Case(in_gb18030, 5_000_000, ".csv", True),
    "JSON lines": Case(copy("FORMAT json"), 5_000_000, ".jsonl", True),
    "JSON array": Case(json_array, 2_000_000, ".json", True),
    "Parquet": Case(copy("FORMAT parquet"), 50_000_000, ".parquet", True),
    "zip of a CSV": Case(packed(into_zip), 10_000_000, ".zip", True),
    "gzip of a CSV": Case(packed(into_gzip), 10_000_000, ".csv.gz", True),
    "100,000 columns": Case(wide, 100_000, ".csv", False),
    "one line of 1 GiB": Case(one_line, 1024, ".csv", False),
    "one JSON value of 1 GiB": Case(json_line, 1024, ".json", False),
    "zip bomb, 20 GiB": Case(bomb, 20 * 1024, ".zip", False),
    "workbook bomb, a picture of 8 GiB": Case(picture_bomb, 8 * 1024, ".xlsx", False),
    "workbook bomb, a sheet of 8 GiB": Case(sheet_bomb, 8 * 1024, ".xlsx", False),
    "Parquet with a footer of 2 GiB": Case(hostile_footer, 1, ".parquet", False),
}  # fmt: skip


class Outcome(NamedTuple):
    """What became of one file."""

    exit: int
    said: str
    seconds: float
    cpu: float
    peak_mb: int


def checked(path: Path, folder: Path) -> Outcome:
    """Run the check and wait for this very process, whose peak memory is then known."""
    suite, log = folder / "suite.json", folder / "said.txt"
    suite.write_text(json.dumps(SUITE), encoding="utf-8")
    words = [sys.executable, "-c", "import sys; from api.cli import main; sys.exit(main())", "check", str(path), "--suite", str(suite), "--out", str(folder / "out.parquet"), "--lang", "en"]  # fmt: skip
    begun = time.perf_counter()
    with log.open("wb") as file:
        running = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    (folder / "out.parquet").unlink(missing_ok=True)
    said = " ".join(log.read_text(encoding="utf-8", errors="replace").split())
    return Outcome(running.returncode, said, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss >> 10)


def broken(case: Case, outcome: Outcome, rows: int) -> str:
    """Why this is not as wanted; empty when it is."""
    if outcome.peak_mb > MOST_MB:
        return f"{outcome.peak_mb:,} MB"
    if not case.read:
        return "" if outcome.exit == 2 else f"exit {outcome.exit}: {outcome.said[:300]}"
    if outcome.exit:
        return f"exit {outcome.exit}: {outcome.said[:300]}"
    return "" if f" {rows} rows" in outcome.said else f"no {rows:,} rows: {outcome.said[:300]}"


def played(folder: Path, only: list[str] | None, scale: float) -> Iterator[tuple[str, str, str]]:
    for name, case in CASES.items():
        if only and name not in only:
            continue
        path, size = folder / f"made{case.suffix}", max(1, int(case.size * scale))
        case.make(path, size)
        bytes_, outcome = path.stat().st_size, checked(path, folder)
        path.unlink()
        wrong = broken(case, outcome, size)
        sentence = outcome.said.replace("|", "¦").replace(str(folder), "…")[:220]
        what = f"**{wrong}**" if wrong else f"{size:,} rows read" if case.read else sentence
        figures = f"{outcome.seconds:,.0f} | {outcome.cpu:,.0f} | {outcome.peak_mb:,}"
        yield name, wrong, f"| {name} | {bytes_ / 1e6:,.1f} | {what} | {figures} |"


def merged(lines: list[str]) -> list[str]:
    """These lines in the order of the cases, with those of the page for what was not played now."""
    known = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    by_name = {line.split(" | ")[0].strip("| "): line for line in [*known, *lines]}
    return [by_name[name] for name in CASES if name in by_name]


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.at_size")
    options.add_argument("--only", nargs="*", choices=sorted(CASES), metavar="NAME")
    options.add_argument("--scale", type=float, default=1.0, help="make each file so much of its size")
    options.add_argument("--dir", type=Path, default=Path("build/at_size"))
    options.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    given = options.parse_args()
    given.dir.mkdir(parents=True, exist_ok=True)
    lines, faults = [], 0
    loads = [os.getloadavg()[0]]
    for _, wrong, line in played(given.dir, given.only, given.scale):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        lines.append(line)
        faults += bool(wrong)
    loads.append(os.getloadavg()[0])
    if given.write:
        lines = merged(lines)
        head = f"Last played {time.strftime('%Y-%m-%d')}, load average {loads[0]:.1f} before and {loads[1]:.1f} after, 2 cores.\n\n"
        table = "| file | MB | outcome | seconds | CPU seconds | peak MB |\n|---|---:|---|---:|---:|---:|\n"
        PAGE.write_text(BEFORE + head + table + "\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(int(faults > 0))


if __name__ == "__main__":
    main()
