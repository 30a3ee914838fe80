"""Mutated files against the readers: `python -m tests.campaigns.fuzz --inputs 100000`; writes docs/fuzzing.md.

Each input is made from its number alone, so that a fault can be repeated: `--only 4711` reads that one and shows it. A long run is kept in
a state file, one line a stretch (`--state FILE`): begun again with the same file, it goes on where it was broken off, and `--again` reads the
faulty numbers of that file anew.
Held for every input: a table or one refusal within the time and memory allowed; rows numbered without a gap; and, where lines can be
counted by other means (delimited text without quotes), lines in = rows out + lines reported.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import InputRefused
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import Intake
from datasets.intake.reader import read_table
from tests.datasets.intake.test_any_bytes import SEEDS, TEXT

ROOT: Final = Path(__file__).parents[2]
SHARED: Final = Path(os.environ.get("DATAGRANT_SHARED", ROOT.parent / "shared")) / "data" / "messy"
PAGE: Final = ROOT / "docs" / "fuzzing.md"
LONGEST_S: Final = 30
MOST_MB: Final = 1200
SMALL: Final = 24_000  # bytes of a published file that may be a seed
CHUNK: Final = 1000
TYPED_FROM: Final = 100_000  # from this number on: delimited text and JSON alone, read with a dictionary
ARCHIVES_FROM: Final = 200_000  # from this number on: archives of several members, read as one table
HEADS: Final = ("编号", "时刻", "时间", "人数", "金额", "运费")
FORMS: Final = (
    ("A1", "下午3:30", "2024-03-05T08:30:00+08:00", "3.5万", "￥1,234.50", "$3"),
    ("A2", "8:30 am", "2024-03-05 08:30", "1,200人", "3.5万元", "$1,204.5"),
    ("A3", "晚上8点半", "2024年3月5日 下午3:30", "7", "-¥5", "US$ 3"),
    ("A4", "", "3/5/2024 3:30:00 PM", "2亿", "2千元", "4 USD"),
)
KNOWN: Final = {
    "columns": [
        {"name": "编号", "type": "string"},
        {"name": "时刻", "type": "time"},
        {"name": "时间", "type": "datetime", "format": "month_first"},
        {"name": "人数", "type": "integer", "unit": "人"},
        {"name": "金额", "type": "number", "unit": "元"},
        {"name": "运费", "type": "number"},
    ]
}
TOKENS: Final = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b'""', b",", b";", b"\t", b"\r", b"\n", b"\r\n\r\n", b"\\", b"'",
    b"9" * 40, b"-1e999", b"NaN", b"=1+1", b"{", b"}]", b"\xe5\x81", b"\x81", "２０２４年".encode(), b"<html>", b"PK\x03\x04", b"PAR1",
)  # fmt: skip


class TooSlowError(Exception):
    """The reader took longer than LONGEST_S."""


def seeds() -> list[bytes]:
    """Small files of every kind: made here, and published ones where the folder is at hand."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("余位.csv", TEXT)
    shape = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [114.5, 22.6]},
                "properties": {"n": n},
            }
            for n in range(5)
        ],
    }
    found = [*SEEDS, archive.getvalue(), bz2.compress(TEXT.encode()), json.dumps(shape).encode()]
    if SHARED.is_dir():
        found += [
            path.read_bytes()
            for path in sorted(SHARED.rglob("*"))
            if path.is_file() and 0 < path.stat().st_size <= SMALL
        ]
    return found


def typed_seeds() -> list[bytes]:
    """Delimited text and JSON whose cells are written in many forms, and the others that are neither packed nor workbooks."""
    lines = "\t".join(HEADS) + "\n" + "".join("\t".join(row) + "\n" for row in FORMS)
    records = [dict(zip(HEADS, row, strict=True)) for row in FORMS]
    made = [
        lines.encode(), lines.encode("gb18030"), lines.replace("\t", ";").replace("\n", "\r\n").encode("utf-16"),
        json.dumps(records, ensure_ascii=False).encode(), json.dumps({"数据": {"记录": records}}).encode(),
        "\n".join(json.dumps(each, ensure_ascii=False) for each in records).encode(),
    ]  # fmt: skip
    return made * 6 + [
        each for each in seeds() if each[:2] not in (b"PK", b"\x1f\x8b", b"BZ", b"PA", b"\xd0\xcf")
    ]


def mutated(number: int, known: list[bytes]) -> bytes:
    """Input `number`: a seed with one to eight wounds, or two seeds grown together."""
    chance = random.Random(number)  # noqa: S311 - repeatable, no secret
    content = bytearray(chance.choice(known))
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(content) + 1)
        match chance.randrange(8):
            case 0 if at < len(content):
                content[at] = chance.randrange(256)
            case 1 if at < len(content):
                content[at] ^= 1 << chance.randrange(8)
            case 2:
                del content[at : at + chance.randint(1, 60)]
            case 3:
                content[at:at] = chance.choice(TOKENS)
            case 4:
                content[at:at] = chance.randbytes(chance.randint(1, 16))
            case 5:
                content[at:at] = content[at : at + chance.randint(1, 200)] * chance.randint(1, 3)
            case 6:
                del content[at:]
            case _:
                other = chance.choice(known)
                begin = chance.randrange(len(other) + 1)
                content[at:at] = other[begin : begin + 400]
    if chance.random() < 0.05:
        return gzip.compress(bytes(content), mtime=0)
    return bytes(content)


def member_sets() -> list[dict[str, bytes]]:
    """Archives of several members before they are packed: same columns in another order, encoding or format, and what does not belong."""
    lines = TEXT.splitlines()
    turned = "\n".join(",".join(reversed(line.split(","))) for line in lines).encode()
    heads, rows = lines[0].split(","), [line.split(",") for line in lines[1:]]
    records = json.dumps([dict(zip(heads, row, strict=True)) for row in rows], ensure_ascii=False).encode()
    sheet = io.BytesIO()
    pq.write_table(pa.table({name: [row[at] for row in rows] for at, name in enumerate(heads)}), sheet)
    plain, gbk = TEXT.encode(), TEXT.encode("gb18030")
    return [
        {"a.csv": plain, "b.csv": gbk, "c/丙.csv": turned},
        {
            "a.csv": plain,
            "b.json": records,
            "c.parquet": sheet.getvalue(),
            "d.csv.gz": gzip.compress(plain, mtime=0),
        },
        {"a.csv": b"x,y\n1,2\n", "b.csv": b"y,z\n3,4\n", ".DS_Store": b"\0", "__MACOSX/._a.csv": b"x"},
        {"a.csv": plain, "b.zip": _pack({"b.csv": gbk}), "c.csv": TEXT.encode("utf-16")},
    ]


def _pack(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def archived(number: int) -> bytes:
    """Archive `number`: one member wounded before it was packed, or the archive afterwards; names doubled now and then."""
    chance = random.Random(number)  # noqa: S311 - repeatable, no secret
    members = dict(chance.choice(member_sets()))
    if chance.random() < 0.3:
        return mutated(number, [_pack(members)])
    hurt = chance.choice(sorted(members))
    members[hurt] = mutated(number, [members[hurt]])
    packed = _pack(members)
    if chance.random() < 0.1:
        packed = packed.replace(b"b.csv", b"a.csv")
    return packed


def input_of(number: int, plain: list[bytes], typed: list[bytes]) -> tuple[bytes, Dictionary | None]:
    """What input `number` is, and the dictionary that it is read with."""
    if number >= ARCHIVES_FROM:
        return archived(number), Dictionary(member="*", fill_missing=number % 2 == 1)
    if number >= TYPED_FROM:
        return mutated(number, typed), Dictionary.model_validate(KNOWN)
    return mutated(number, plain), None


def outcome(content: bytes, folder: Path, known: Dictionary | None = None) -> str:
    """`read`, `refused`, or what went wrong, in words."""
    source, out = folder / "input", folder / "table.parquet"
    out.unlink(missing_ok=True)
    source.write_bytes(content)
    signal.alarm(LONGEST_S)
    try:
        found = read_table(source, out, dictionary=known)
        return wrong_rows(found, out, content) or "read"
    except InputRefused as refused:
        return "refused" if refused.detail.zh and refused.detail.en else "a refusal without words"
    except TooSlowError:
        return f"longer than {LONGEST_S} s"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.alarm(0)


def wrong_rows(found: Intake, out: Path, content: bytes) -> str | None:
    """None when every record is accounted for."""
    numbers = pq.read_table(out, columns=["__row__"])["__row__"].to_pylist()
    if sorted(numbers) != list(range(1, found.rows + 1)):
        return f"{found.rows} rows reported, {len(numbers)} in the table"
    facts = found.input
    if facts.members:
        return _wrong_members(found)
    if facts.format != "csv" or facts.container or not facts.encoding or b'"' in content or b"'" in content:
        return None
    try:
        text = content.decode(facts.encoding)
    except (UnicodeDecodeError, LookupError):
        return None  # compressed, or bytes that the reader reported
    lines = sum(
        1 for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if line.strip(" \t\x00")
    )
    apart = sum(each.code in ("title-line", "footer-line", "blank-line") for each in found.findings)
    told = found.rows + apart + (1 if facts.header_line else 0)
    if found.findings_total == len(found.findings) and told < lines:
        return f"{lines} lines in, {told} told of"
    return None


def _wrong_members(found: Intake) -> str | None:
    """None when the members' records follow each other without a gap and make up the table."""
    at = 1
    for member in found.input.members:
        if member.first_row != at or member.rows < 1:
            return f"{member.name} begins at {member.first_row}, not at {at}"
        at += member.rows
    return None if at == found.rows + 1 else f"{at - 1} rows of members, {found.rows} in all"


def _chunk(numbers: tuple[int, int]) -> list[tuple[int, str, float]]:
    """Read inputs first ≤ n < last in this process; a fault is told with its number."""

    def late(_signal: int, _frame: Any) -> None:
        raise TooSlowError

    signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    plain, typed = seeds(), typed_seeds()
    told: list[tuple[int, str, float]] = []
    with tempfile.TemporaryDirectory(prefix="datagrant-fuzz-") as folder:
        for number in range(*numbers):
            begun = time.perf_counter()
            content, dictionary = input_of(number, plain, typed)
            what = outcome(content, Path(folder), dictionary)
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            if peak_mb > MOST_MB:
                what = f"{peak_mb:.0f} MB"
            told.append((number, what, time.perf_counter() - begun))
    return told


class Stretch(NamedTuple):
    """Inputs first ≤ n < last, played whole: how many were read and refused, what went wrong, and the time it took."""

    first: int
    last: int
    read: int
    refused: int
    faults: dict[str, str]
    slowest: float
    seconds: float


def campaign(spans: list[tuple[int, int]], workers: int) -> Iterator[Stretch]:
    """Each span in a process of its own: one that dies is the fault of its span."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(_stretch, spans)


def _stretch(span: tuple[int, int]) -> Stretch:
    begun = time.perf_counter()
    found = _apart(span)
    counted = Counter(what for _, what, _ in found)
    faults = {str(number): what for number, what, _ in found if what not in ("read", "refused")}
    slowest = max(seconds for *_, seconds in found)
    return Stretch(*span, counted["read"], counted["refused"], faults, slowest, time.perf_counter() - begun)


def _apart(span: tuple[int, int]) -> list[tuple[int, str, float]]:
    asked = [sys.executable, "-m", "tests.campaigns.fuzz", "--chunk", str(span[0]), str(span[1])]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode == 0:
        return [(number, what, seconds) for number, what, seconds in json.loads(done.stdout.splitlines()[-1])]
    if span[1] - span[0] == 1:
        return [(span[0], f"the process ended with {done.returncode}", 0.0)]
    middle = (span[0] + span[1]) // 2
    return _apart((span[0], middle)) + _apart((middle, span[1]))


def known_stretches(state: Path | None) -> list[Stretch]:
    """What a state file holds; a last line that was cut short counts as not played."""
    if state is None or not state.exists():
        return []
    whole = [line for line in state.read_text(encoding="utf-8").splitlines() if line.endswith("]")]
    return [Stretch(*json.loads(line)) for line in whole]


def page(played: list[Stretch], asked: int) -> str:
    faults = [f"{number}: {what}" for each in played for number, what in each.faults.items()]
    inputs = sum(each.last - each.first for each in played)
    read, refused = sum(each.read for each in played), sum(each.refused for each in played)
    slowest, seconds = max(each.slowest for each in played), sum(each.seconds for each in played)
    lines = [
        "# Mutated files against the readers",
        "",
        "Written by `python -m tests.campaigns.fuzz`: each input is a small file (delimited text in several encodings, workbooks, JSON, GeoJSON,",
        "Parquet, archives, and the small published files of `../shared/data/messy`) with one to eight random wounds, made from its number alone.",
        "Held for each: a table or one refusal in both languages, within 30 s and 1,200 MB; rows numbered without a gap; where lines can be counted",
        "by other means, lines in = rows out + lines reported. `--state docs/fuzzing.jsonl` goes on where the last run ended.",
        "",
        "| inputs | numbers | read | refused | faults left | slowest | all, s |",
        "|---:|---|---:|---:|---:|---:|---:|",
        f"| {inputs:,} | {min(each.first for each in played)}–{max(each.last for each in played) - 1} | {read:,} | {refused:,} | {len(faults)} | {slowest:.1f} s | {seconds:,.0f} |",
        "",
        *([f"{asked - inputs:,} of {asked:,} have not been played yet.", ""] if inputs < asked else []),
        *(f"- {fault}" for fault in faults[:100]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.campaigns.fuzz")
    options.add_argument("--inputs", type=int, default=100_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--only", type=int)
    options.add_argument("--state", type=Path, help="keep each stretch here, and go on from what it holds")
    options.add_argument(
        "--again", action="store_true", help="play the faulty stretches of the state file anew"
    )
    options.add_argument("--show", action="store_true", help="write the page of what has been played so far")
    options.add_argument("--page", type=Path, default=PAGE)
    options.add_argument("--chunk", type=int, nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.chunk is not None:
        sys.stdout.write(json.dumps(_chunk((given.chunk[0], given.chunk[1]))) + "\n")
        return
    if given.only is not None:
        content, _ = input_of(given.only, seeds(), typed_seeds())
        sys.stdout.write(f"{content[:2000]!r}\n{_chunk((given.only, given.only + 1))}\n")
        return
    sys.exit(play(given))


def play(given: argparse.Namespace) -> int:
    """Play what the state file does not hold yet, and write the page; 1 when a fault is left."""
    last = given.first + given.inputs
    kept = [each for each in known_stretches(given.state) if given.first <= each.first and each.last <= last]
    played = {(each.first, each.last): each for each in kept}  # played anew, the later line counts
    if given.again:
        played = {span: each for span, each in played.items() if not each.faults}
    left = [] if given.show else list(gaps(sorted(played), given.first, last))
    for each in campaign(left, given.workers):
        played[each.first, each.last] = each
        if given.state is not None:
            with given.state.open("a", encoding="utf-8") as file:
                file.write(json.dumps(each, ensure_ascii=False) + "\n")
        for number, what in each.faults.items():
            sys.stderr.write(f"{number}: {what}\n")
        sys.stderr.write(f"{sum(until - begin for begin, until in played):,} played\n")
    given.page.write_text(page([each for _, each in sorted(played.items())], given.inputs), encoding="utf-8")
    return int(any(each.faults for each in played.values()))


def gaps(played: list[tuple[int, int]], first: int, last: int) -> Iterator[tuple[int, int]]:
    """What lies between the spans played, in stretches of CHUNK."""
    for begin, until in [*played, (last, last)]:
        yield from ((at, min(at + CHUNK, begin)) for at in range(first, begin, CHUNK))
        first = until


if __name__ == "__main__":
    main()
