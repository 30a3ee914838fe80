"""`make bench`: every contestant in a process of its own, in turns, best of the rounds; prints a Markdown table."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench.contestants import CONTESTANTS
from tests.bench.flights import FLIGHTS
from tests.bench.table import make


class Bar(NamedTuple):
    """A ratio to reach: how many times as fast as the other (`faster`), or how many times its time at most."""

    ours: str
    other: str
    wanted: float
    faster: bool


BARS: Final = (
    Bar("gate", "pandas-gx", 4.0, faster=True),
    Bar("gate", "pandas-gx-counts", 4.0, faster=True),
    Bar("gate", "duckdb-copy", 2.5, faster=False),
    Bar("extract", "extract-copy", 1.5, faster=False),
    Bar("extract", "extract-copy-hmac", 1.5, faster=False),
    Bar("flights-gate", "flights-pandas-gx", 4.0, faster=True),
    Bar("flights-gate", "flights-pandas-gx-counts", 4.0, faster=True),
    Bar("flights-gate", "flights-duckdb-copy", 2.5, faster=False),
)
PEAKS: Final = {"gate": 1200, "extract": 400, "flights-gate": 1200}
GATES: Final = ("gate", "pandas-gx", "pandas-gx-counts", "duckdb-copy")
EXTRACTS: Final = ("extract", "extract-copy", "extract-copy-hmac")


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
    given = options.parse_args()
    folder = given.dir / str(given.rows)
    folder.mkdir(parents=True, exist_ok=True)
    make(folder / "table.csv", given.rows)
    flights = [f"flights-{name}" for name in GATES] if FLIGHTS.is_file() else []
    wanted = given.only or [*GATES, *EXTRACTS, *flights]
    best: dict[str, dict[str, Any]] = {}
    for _ in range(given.rounds):
        for name in wanted:
            _keep(best, measured(name, folder))
            if name == "gate":
                shutil.copyfile(folder / "gate.parquet", folder / "release.parquet")
    _print(best, given.rows, given.rounds)


def _keep(best: dict[str, dict[str, Any]], found: dict[str, Any]) -> None:
    kept = best.get(found["name"])
    if kept is None or found["seconds"] < kept["seconds"]:
        best[found["name"]] = found | {"peak_mb": max(found["peak_mb"], kept["peak_mb"] if kept else 0)}
    else:
        kept["peak_mb"] = max(kept["peak_mb"], found["peak_mb"])


def _print(best: dict[str, dict[str, Any]], rows: int, rounds: int) -> None:
    load = os.getloadavg()[0]
    print(
        f"{rows:,} rows × 12 columns; best of {rounds}; load average {load:.1f} of {os.cpu_count()} cores\n"
    )
    print("| contestant | seconds | CPU seconds | peak MB | output MB | rows out | verdict |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for name, each in best.items():
        print(
            f"| {name} | {each['seconds']:.2f} | {each['cpu']:.2f} | {each['peak_mb']:,.0f} | {each['out_mb']:.0f} "
            f"| {each['rows']:,} | {each.get('verdict', '')} |"
        )
    print("\n| what | measured | by CPU seconds | wanted | met |\n|---|---:|---:|---|---|")
    for bar in BARS:
        if bar.ours in best and bar.other in best:
            _print_bar(bar, best[bar.ours], best[bar.other])
    for name, limit in PEAKS.items():
        if name in best:
            peak = best[name]["peak_mb"]
            print(f"| {name}, peak memory | {peak:,.0f} MB | | ≤ {limit:,} MB | {_met(peak <= limit)} |")


def _print_bar(bar: Bar, ours: dict[str, Any], other: dict[str, Any]) -> None:
    ratios = [ours[unit] / other[unit] for unit in ("seconds", "cpu")]
    if bar.faster:
        wall, cpu = (f"{1 / ratio:.2f} × as fast" for ratio in ratios)
        wanted, met = f"≥ {bar.wanted:g} × as fast", 1 / ratios[0] >= bar.wanted
    else:
        wall, cpu = (f"{ratio:.2f} × its time" for ratio in ratios)
        wanted, met = f"≤ {bar.wanted:g} × its time", ratios[0] <= bar.wanted
    print(f"| {bar.ours} against {bar.other} | {wall} | {cpu} | {wanted} | {_met(met)} |")


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


if __name__ == "__main__":
    main()
