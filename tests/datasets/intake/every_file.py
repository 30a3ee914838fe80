"""Reads every file of the shared folder, each in a process of its own, and writes docs/files.md.

`python -m tests.datasets.intake.every_file` — a crash, a file that takes too long or too much memory ends it with exit 1.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.errors import InputRefused
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import Intake
from datasets.intake.guesses import doubts
from datasets.intake.reader import read_table

ROOT: Final = Path(__file__).parents[3]
SHARED: Final = Path(os.environ.get("DATAGRANT_SHARED", ROOT.parent / "shared"))
PAGE: Final = ROOT / "docs" / "files.md"
LONGEST_S: Final = 120
MOST_MB: Final = 1200
COUNTED: Final = r"items|features|Point|sources|objects|packages?|datasets|portals"
BEFORE: Final = """# Every file, and what became of it

Written by `python -m tests.datasets.intake.every_file`: each file of `../shared/data` is read without a dictionary, in a process of its own,
and its processor time and peak memory (the whole process, libraries and all) are noted. `stated` is what the folder's own README says, less its
header and blank records: ✓ where ours agrees, else its number and the reason: titles above the header and notes below the table are findings here and
records there, records of mere delimiters are kept here and left out there, and one header is taken off there whether the file has one or not. Refusals are whole sentences, as a person reads them.
`asks` names what is doubtful: handed in, such a file waits for a person before anything is checked (docs/detection.md),
and `datagrant check` refuses it where the encoding is doubtful. The last lines of the table are
files read again as a person who looked at them would say.

"""


TOLD: Final[dict[str, dict[str, Any]]] = {
    "messy/frictionless/multiline-headers.xlsx": {"header_line": 5, "header_rows": 5},
    "messy/messytables/begrotingsanalyse-2011.csv": {"header_line": 7, "header_rows": 4},
    "air_quality/aqistudy_366_cities_daily.zip": {"member": "*"},
    "messy/frictionless/table-multiple-files.zip": {"member": "*"},
    "transport/gtfs_kuopio_finland.zip": {"member": "stop_times.txt"},
}
"""What no rule can tell from the file alone."""


class Differs(NamedTuple):
    """Why a file has another number of records here than its publisher's README says: ours is stated − above − below + blank + header."""

    above: int = 0
    below: int = 0
    blank: int = 0
    header: int = 0
    otherwise: str = ""

    @property
    def reason(self) -> str:
        """In words, for the page."""
        parts = (
            (self.above, "−{} above the header"),
            (self.below, "−{} below the table"),
            (self.blank, "+{} of mere delimiters, kept"),
            (self.header, "+{}: no header"),
        )
        return self.otherwise or ", ".join(text.format(number) for number, text in parts if number)


ONE_MEMBER: Final = Differs(
    otherwise="a member is to be named; the README counts one or all of them (read so below)"
)
PACKAGE: Final = Differs(otherwise="the README counts the package, ours the list inside it")
ONLY_HEADER: Final = Differs(otherwise="a header and no records is refused")
DIFFERS: Final[dict[str, Differs]] = {
    "air_quality/aqistudy_366_cities_daily.zip": ONE_MEMBER,
    "messy/frictionless/countries.csv": Differs(above=1),
    "messy/frictionless/structure-errors.csv": Differs(blank=1),
    "messy/frictionless/without-rows.csv": ONLY_HEADER,
    "messy/messytables/begrotingsanalyse-2011.csv": Differs(above=2),
    "messy/messytables/excel_pasting.csv": Differs(above=2, below=2),
    "messy/messytables/mixedGLB.csv": Differs(above=2),
    "messy/messytables/null.csv": Differs(header=1),
    "messy/messytables/small.csv": ONLY_HEADER,
    "messy/messytables/spanish_chars.csv": Differs(below=1),
    "messy/messytables/sparse_with_column_errors.csv": Differs(blank=37),
    "messy/messytables/utf8bom.csv": ONLY_HEADER,
    "messy/messytables/weird_head_padding.csv": Differs(above=6, below=16),
    "messy/qsv/snifftest.csv": Differs(above=3),
    **{
        f"metadata/ckan/uk_package_show_{name}.json": PACKAGE
        for name in ("create", "empty", "inspire", "update")
    },
    "metadata/dcat/opendatasoft_catalog_186.ttl": Differs(otherwise="triples are refused"),
    "transport/gtfs_kuopio_finland.zip": ONE_MEMBER,
}
"""Looked up in the files: the README counts every record that is not blank, less one for a header, wherever the table lies."""


class Read(NamedTuple):
    """What became of one file: `refused` is the sentence, `broken` anything that must not happen."""

    name: str
    rows: int | None
    columns: int | None
    how: str
    refused: str
    broken: str
    peak_mb: int
    seconds: float


def files() -> list[str]:
    data = SHARED / "data"
    return sorted(str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())


def stated() -> dict[str, int]:
    """Records below the header, for the files whose README row says so."""
    told: dict[str, int] = {}
    for line in (SHARED / "data" / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        name = cells[0].strip("| `").split("`")[0]
        if name.startswith("messy/") and len(cells) > 5:
            if re.fullmatch(r"[\d,]+", cells[5]) and (records := _number(cells[5])):
                blank = re.search(r"blank records (\d+)", line)
                told[name] = records - 1 - (_number(blank[1]) if blank else 0)
        elif len(cells) > 4 and (
            found := re.search(rf"([\d,]+) (?:×|{COUNTED})", cells[4]) or re.search(r"days: (\d+)", cells[4])
        ):
            told[name] = _number(found[1])
    return told


def _number(text: str) -> int:
    return int(text.replace(",", "") or 0)


def resident_mb() -> int:
    """What this process holds in memory now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def read(name: str, said: dict[str, Any] | None = None) -> Read:
    """Read one file in a forked process; its peak and its end are the kernel's own figures."""
    out_of, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out_of)
        signal.alarm(LONGEST_S)
        os.write(into, "\x1f".join(_outcome(SHARED / "data" / name, said or {})).encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out_of, encoding="utf-8") as pipe:
        told = pipe.read().split("\x1f")
    _, status, usage = os.wait4(child, 0)
    seconds, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss >> 10
    broken = "" if status == 0 else f"ended by signal {os.WTERMSIG(status)}"
    rows, columns, how, refused, crashed = told if len(told) == 5 else ("", "", "", "", "said nothing")
    return Read(
        " ".join([name, *(f"{key}={value}" for key, value in (said or {}).items())]),
        int(rows) if rows else None,
        int(columns) if columns else None,
        how,
        refused,
        broken or crashed,
        peak,
        seconds,
    )


def _outcome(path: Path, how: dict[str, Any]) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = read_table(path, Path(folder) / "t.parquet", dictionary=Dictionary(**how))
        except InputRefused as refused:
            return "", "", "", refused.detail.en, ""
        except BaseException as error:  # whatever it is, it must not happen and is told
            return "", "", "", "", f"{type(error).__name__}: {error}"
        return str(found.rows), str(len(found.columns)), _how(found), "", ""


def _how(found: Intake) -> str:
    how = found.input
    header = (
        ""
        if how.header_line is None
        else "no header"
        if not how.header_line
        else f"header in line {how.header_line}"
    )
    inside = " › ".join(part for part in (how.container, how.member, how.sheet) if part)
    delimiter = "" if how.delimiter in (None, ",", "\t") else f"delimiter {how.delimiter}"
    notes = f"{found.findings_total} findings" if found.findings_total else ""
    asked = [f"{each.aspect} ({each.confidence:.0%})" for each in doubts(how.detection)]
    asks = f"asks {' and '.join(asked)}" if asked else ""
    return ", ".join(
        part for part in (how.format, inside, how.encoding, delimiter, header, notes, asks) if part
    )


def _line(found: Read, told: int | None) -> str:
    agrees = "" if told is None else "✓" if told == found.rows else f"{told:,}: {_reason(found.name)}"
    if found.broken:
        outcome = f"**broken**: {found.broken}"
    elif found.refused:
        outcome = f"refused: {found.refused}"
    else:
        outcome = f"{found.rows:,} × {found.columns:,}; {found.how}"
    return f"| {found.name} | {_cell(outcome)} | {agrees} | {found.seconds:.1f} | {found.peak_mb} |"


def _reason(name: str) -> str:
    return DIFFERS[name].reason if name in DIFFERS else "**not looked into**"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def lines() -> Iterator[tuple[Read, str]]:
    told = stated()
    for name in files():
        found = read(name)
        yield found, _line(found, told.get(name))
    for name, how in TOLD.items():
        found = read(name, how)
        yield found, _line(found, told.get(name) if "member" in how else None)


def main() -> None:
    page, bad = [], []
    for found, line in lines():
        page.append(line)
        print(f"{found.seconds:6.1f} s  {line}")  # noqa: T201 - a command's answer
        if found.broken or found.peak_mb > MOST_MB:
            bad.append(found.name)
    heading = "| file | outcome (rows × columns) | stated | CPU s | peak MB |\n|---|---|---|---:|---:|\n"
    refused = sum(1 for line in page if "| refused: " in line)
    summary = f"{len(files())} files, read {len(page)} times: {len(page) - refused - len(bad)} read, {refused} refused, {len(bad)} broken or over {MOST_MB:,} MB.\n\n"
    PAGE.write_text(BEFORE + summary + heading + "\n".join(page) + "\n", encoding="utf-8")
    if bad:
        sys.exit("broken: " + ", ".join(bad))


if __name__ == "__main__":
    main()
