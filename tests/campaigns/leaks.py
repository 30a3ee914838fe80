"""A thousand leaks of two hundred recipients, over files that were really made: `python -m tests.campaigns.leaks [LEAKS]`.

Each recipient's file is built from one release with a key of its own: pseudonyms of a column, and hidden marks in another; some take five copies
and leak their median. A leak is some of
one's rows, its columns shuffled, written as CSV and read back, a fifth of the values of each column noised. In turn it has a pseudonym
column or none, many rows or few, its names or none, or is no file of ours at all.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from auth.policy.model import ColumnTerm, DeliveryForm, Use
from datasets.extracts.build import Recipe, build
from datasets.extracts.compile import pseudonym
from datasets.tracing.leak import leak_of, named
from datasets.tracing.marks import FILES, PERSONS, Ballot, Mark
from datasets.tracing.rules import NAMED_BELOW, decimals_of

RECIPIENTS: Final = 200
ROWS: Final = 20_000
SIZES: Final = (5, 50, 100, 200, 300, 500, 1_000, 3_000)
TOLERANCE: Final = 0.1
TERMS: Final = (
    ColumnTerm(name="who", use=Use.PSEUDONYMISED), ColumnTerm(name="speed", use=Use.PLAIN), ColumnTerm(name="n", use=Use.PLAIN)
)  # fmt: skip
Chance = np.random.Generator


def key_of(recipient: int, kind: str) -> bytes:
    return f"{kind}-{recipient}".encode().ljust(32, b"\0")


def released(room: Path, chance: Chance) -> Path:
    """Trips with a phone, a speed measured to a tenth, and a number."""
    table = pa.table(
        {
            "who": pa.array([f"138{at % 4000:08d}" for at in range(ROWS)]),
            "speed": pa.array(np.round(chance.gamma(4, 9, ROWS), 1)),
            "n": pa.array(chance.integers(0, 500, ROWS)),
        }
    )
    pq.write_table(table, room / "release.parquet")
    return room / "release.parquet"


def mark_of(recipient: int, copy: int = 0) -> Mark:
    own = key_of(recipient, f"mark-{copy}")
    return Mark("speed", decimals_of(TOLERANCE), own, 0.0, 1e4, key_of(recipient, "person"))


def made(room: Path, release: Path, recipient: int, copy: int = 0) -> pa.Table:
    """One recipient's file, through the house's own pipeline."""
    marks = (mark_of(recipient, copy),)
    recipe = Recipe(
        TERMS, None, DeliveryForm.EXTRACT_PARQUET, key_of(recipient, "pseudonym"), {}, marks=marks
    )
    out = room / f"{recipient}-{copy}.parquet"
    build(release, recipe, out, memory_limit_mb=400, scratch=room)
    return pq.read_table(out)


def median(room: Path, release: Path, recipient: int) -> pa.Table:
    """The median of five copies of one recipient: his attempt to be rid of the marks."""
    copies = [made(room, release, recipient, copy) for copy in range(10, 15)]
    speeds = np.median(np.stack([each.column("speed").to_numpy() for each in copies]), axis=0)
    return copies[0].set_column(1, "speed", pa.array(np.round(speeds, 1)))


def leaked(path: Path, table: pa.Table, rows: int, chance: Chance, *, names: list[str], header: bool) -> None:
    """Sampled, shuffled, noised, as CSV."""
    taken = table.take(pa.array(chance.permutation(table.num_rows)[:rows]))
    order = [names[at] for at in chance.permutation(len(names))]
    columns = []
    for name in order:
        values: list[Any] = taken.column(name).to_pylist()
        for at in np.flatnonzero(chance.random(rows) < 0.2):
            values[at] = _noise(name, chance)
        columns.append(values)
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        if header:
            writer.writerow(order)
        writer.writerows(zip(*columns, strict=True))


def _noise(name: str, chance: Chance) -> Any:
    if name == "who":
        return chance.bytes(10).hex()
    return round(float(chance.gamma(4, 9)), 1) if name == "speed" else int(chance.integers(0, 500))


def said(path: Path, books: dict[int, frozenset[str]]) -> tuple[set[int], set[int]]:
    """Who is named by pseudonyms, and who by marks, as the house does it."""
    leak = leak_of(path)
    hits = {str(who): len(leak.tokens & book) for who, book in books.items()}
    by_hits = {int(each.grant_id) for each in named(len(leak.tokens), hits, RECIPIENTS * 4000)}
    ballot, found, tests = Ballot(leak.numbers), [], 0
    for who, among in product(range(RECIPIENTS), (FILES, PERSONS, None)):
        best, more = ballot.look([mark_of(who)], among)
        tests += more
        found += [(who, best.chance)] if best else []
    return by_hits, {who for who, chance in found if chance * tests < NAMED_BELOW}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("leaks", type=int, nargs="?", default=1000)
    leaks, chance = parser.parse_args().leaks, np.random.default_rng(20261129)
    counts: dict[str, Counter[str]] = {}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        release = released(room, chance)
        medians: dict[int, pa.Table | None] = {}
        files = {who: made(room, release, who) for who in range(RECIPIENTS)}
        people = sorted(set(pq.read_table(release).column("who").to_pylist()))
        books = {
            who: frozenset(pseudonym(each, key_of(who, "pseudonym")) for each in people)
            for who in range(RECIPIENTS)
        }
        for number in range(leaks):
            guilty = int(chance.integers(RECIPIENTS))
            case, rows, names = _case(number, chance)
            if case == "none of ours":
                source = pq.read_table(release)
            elif case.startswith("median"):
                guilty %= 5
                source = medians.setdefault(guilty, None) or median(room, release, guilty)
                medians[guilty] = source
            else:
                source = files[guilty]
            path = room / "leak.csv"
            leaked(path, source, rows, chance, names=names, header=bool(number % 3))
            by_hits, by_marks = said(path, books)
            right = {guilty} if case != "none of ours" else set()
            counted = counts.setdefault(case, Counter())
            counted["leaks"] += 1
            counted["right"] += (by_hits | by_marks) == right
            counted["wrong"] += bool((by_hits | by_marks) - right)
    for case in sorted(counts):
        print(f"| {case} | {counts[case]['leaks']} | {counts[case]['right']} | {counts[case]['wrong']} |")  # noqa: T201 - a report
    print(f"{time.monotonic() - began:.0f} s")  # noqa: T201 - a report


def _case(number: int, chance: Chance) -> tuple[str, int, list[str]]:
    """What this leak is: its kind, rows and columns."""
    match number % 10:
        case 0:
            return "none of ours", int(chance.choice([*SIZES, 10_000])), ["speed", "n"]
        case 3:
            rows = int(chance.choice([1_000, 3_000, 10_000]))
            return f"median of five own copies, {rows:>6,} rows", rows, ["speed", "n"]
        case 1 | 2:
            return "10,000 rows, numbers alone", 10_000, ["speed", "n"]
        case 4 | 5 | 6:
            return "a pseudonym column, any size", int(chance.choice([*SIZES, 10_000])), ["who", "n"]
        case _:
            rows = int(chance.choice(SIZES))
            return f"{rows:>5,} rows, numbers alone", rows, ["speed", "n"]


if __name__ == "__main__":
    main()
