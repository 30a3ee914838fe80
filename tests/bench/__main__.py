"""`make bench`: every contestant in a process of its own, in turns, best of the rounds; prints Markdown tables.

Sections: `gate` (checking and extracting a large table), `delivery` (tests.bench.bars), `catalogue` (tests.bench.catalogue).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.bench import report
from tests.bench.contestants import CONTESTANTS
from tests.bench.flights import FLIGHTS, make_csv
from tests.bench.table import make

GATES: Final = ("gate", "pandas-gx", "pandas-gx-counts", "duckdb-copy")
EXTRACTS: Final = ("extract", "extract-copy", "extract-copy-hmac")
VAST_TIMES: Final = 10
SECTIONS: Final = ("gate", "delivery", "catalogue")
Best = dict[str, dict[str, Any]]


def measured(name: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.contestants", name, str(folder)], capture_output=True, text=True, check=False
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench")
    options.add_argument("--rows", type=int, default=5_000_000)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--dir", type=Path, default=Path("build/bench"))
    options.add_argument("--only", nargs="*", metavar="CONTESTANT", choices=sorted(CONTESTANTS))
    options.add_argument(
        "--sections", nargs="+", choices=SECTIONS, help="all, where no contestant is named: then `gate` alone"
    )
    options.add_argument(
        "--vast",
        action="store_true",
        help=f"the gate on {VAST_TIMES} times the rows, too (6 GB of disk meanwhile)",
    )
    options.add_argument(
        "--write", action="store_true", help="put the tables into docs/bench.md, in place of those there"
    )
    given = options.parse_args()
    sections = given.sections or (("gate",) if given.only else SECTIONS)
    if "gate" in sections:
        _gate(given)
    writes = ["--write"] if given.write else []
    if "delivery" in sections:
        _module("bars", "--rows", str(given.rows), "--rounds", str(max(given.rounds, 3)), *writes)
    if "catalogue" in sections:
        _module("catalogue", *writes)


def _module(name: str, *words: str) -> None:
    """A section of its own, in a process of its own; what it prints is shown as it comes."""
    print(f"\n{name}\n", flush=True)
    subprocess.run([sys.executable, "-m", f"tests.bench.{name}", *words], check=True)


def _gate(given: argparse.Namespace) -> None:
    folder = given.dir / str(given.rows)
    folder.mkdir(parents=True, exist_ok=True)
    before = os.getloadavg()[0]
    best = _rounds(folder, given.rows, given.rounds, given.only)
    if given.vast:
        _keep(best, _vast(given.dir, given.rows * VAST_TIMES) | {"name": "vast-gate"})
    loads = (before, os.getloadavg()[0])
    text = "\n".join(report.lines(best, given.rows, given.rounds, loads))
    print(text)
    if given.write:
        report.write(text)


def _rounds(folder: Path, rows: int, rounds: int, only: list[str] | None) -> Best:
    make(folder / "table.csv", rows)
    flights: list[str] = []
    if FLIGHTS.is_file():
        make_csv(folder / "flights.csv")
        flights = [f"{name}-{gate}" for name in ("flights-csv", "flights") for gate in GATES]
    best: Best = {}
    for _ in range(rounds):
        for name in only or [*GATES, *EXTRACTS, *flights]:
            _keep(best, measured(name, folder))
            if name == "gate":
                shutil.copyfile(folder / "gate.parquet", folder / "release.parquet")
    return best


def _vast(parent: Path, rows: int) -> dict[str, Any]:
    """The gate alone on a table of so many rows, which is gone afterwards."""
    folder = parent / str(rows)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        make(folder / "table.csv", rows)
        return measured("gate", folder)
    finally:
        shutil.rmtree(folder)


def _keep(best: Best, found: dict[str, Any]) -> None:
    kept = best.get(found["name"])
    if kept is None or found["seconds"] < kept["seconds"]:
        best[found["name"]] = found | {"peak_mb": max(found["peak_mb"], kept["peak_mb"] if kept else 0)}
    else:
        kept["peak_mb"] = max(kept["peak_mb"], found["peak_mb"])


if __name__ == "__main__":
    main()
