"""The bars of delivery, each as a figure of this run: `python -m tests.bench.bars [--only SECTION …] [--rows N] [--write]`.

Every section measures against something named, in the same run; one that fails says so in its line and stops nobody else.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench import report

MARKS: Final = ("<!-- delivery: begin -->", "<!-- delivery: end -->")
MEMORY_MB: Final = 400
FORMS: Final = ("parquet", "csv", "csv_gb18030", "xlsx", "jsonl", "geojson", "geoparquet")


class Line(NamedTuple):
    """One bar: what was measured, the figure in words, the bar in words, whether it is met."""

    what: str
    figure: str
    bar: str
    is_met: bool


class Given(NamedTuple):
    """Where the tables lie, how many rows they have, how often each is done."""

    folder: Path
    rows: int
    rounds: int


def at_most(what: str, value: float, most: float, unit: str, digits: int = 2, more: str = "") -> Line:
    return Line(what, f"{value:,.{digits}f}{unit}{more}", f"≤ {most:g}{unit}", value <= most)


def extract(given: Given) -> Iterator[Line]:
    """Ours against DuckDB's bare COPY of the same query, HMAC and all; the same bytes twice."""
    from tests.bench.__main__ import measured

    _release(given)
    seconds: dict[str, list[float]] = {"extract": [], "extract-copy-hmac": []}
    peaks, digests = [], set()
    for _ in range(max(given.rounds, 2)):
        for name, spans in seconds.items():
            found = measured(name, given.folder)
            spans.append(found["seconds"])
            if name == "extract":
                peaks.append(found["peak_mb"])
                digests.add(hashlib.sha256((given.folder / "extract.parquet").read_bytes()).hexdigest())
    ours, copy = (min(spans) for spans in seconds.values())
    more = f" ({ours:.2f} s and {copy:.2f} s, {given.rows:,} rows read)"
    yield at_most("extract against a bare `COPY` of the same query", ours / copy, 1.5, " ×", more=more)
    yield at_most("extract, peak memory", max(peaks), MEMORY_MB, " MB", 0)
    yield Line(
        "same inputs, same SHA-256", f"{len(digests)} digest(s) of {len(peaks)} files", "1", len(digests) == 1
    )


def job(given: Given) -> Iterator[Line]:
    """All of an extract, from the plan to the signed receipt, in a process that holds the whole program; against the same bare COPY."""
    from tests.bench.__main__ import measured

    _release(given)
    runs, copies = [], []
    for _ in range(max(given.rounds, 2)):
        copies.append(measured("extract-copy-hmac", given.folder)["seconds"])
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.job", str(given.folder)], capture_output=True, text=True, check=False
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    best = min(runs, key=lambda run: run["seconds"])
    more = (
        f" (plan {best['plan_s']:.2f} s, request {best['request_s']:.2f} s, job {best['job_s']:.2f} s with {best['cpu']:.2f} s of CPU in all; "
        f"copy {min(copies):.2f} s; the first of a worker {min(run['first_s'] for run in runs):.2f} s; {best['rows']:,} of {given.rows:,} rows, {best['out_mb']:.0f} MB)"
    )
    yield at_most("extract from plan to receipt against the bare `COPY`", best["seconds"] / min(copies), 1.5, " ×", more=more)  # fmt: skip
    most = max(runs, key=lambda run: run["grown_mb"] + run["maker_mb"])
    parts = f" ({most['maker_mb']:.0f} the process that makes the file, {most['grown_mb']:.0f} more in the one that asks, which held {most['rest_mb']:.0f} before)"
    yield at_most("extract from plan to receipt, peak of the memory it adds", most["grown_mb"] + most["maker_mb"], MEMORY_MB, " MB", 0, parts)  # fmt: skip


def forms(given: Given) -> Iterator[Line]:
    """The memory of each writer, in a process of its own, on the same query."""
    from tests.bench.__main__ import measured

    _release(given)
    _points(given)
    for form in FORMS:
        found = measured(f"form-{form}", given.folder)
        more = f" ({found['rows']:,} rows, {found['out_mb']:.0f} MB in {found['seconds']:.1f} s)"
        yield at_most(f"{form}, peak memory", found["peak_mb"], MEMORY_MB, " MB", 0, more)


def download(given: Given) -> Iterator[Line]:
    """A built extract from a real server against a bare `sendfile` over the same loopback."""
    from tests.bench import delivery

    found = delivery.main(512, max(given.rounds, 3))
    raw = found["raw_mib_per_s"]
    for what, speed in (
        ("download, share of a raw loopback socket", found["mib_per_s"]),
        (
            "the same for the first download in ten minutes, judged by its witness on its way",
            found["first_mib_per_s"],
        ),
    ):
        yield Line(what, f"{speed / raw:.0%} ({speed:,} and {raw:,} MiB/s)", "≥ 60 %", speed >= 0.6 * raw)
    once = found["unwitnessed_mib_per_s"]
    yield Line("the same once for a file that has no witness yet", f"{once / raw:.0%} ({once:,} and {raw:,} MiB/s)", "none", True)  # fmt: skip
    yield at_most("first byte of a built extract asked again", found["first_byte_ms"], 50, " ms", 1)


def sharing(given: Given) -> Iterator[Line]:
    """The real delta-sharing client over HTTP against a local read of the same file, in one process."""
    from tests.bench import sharing as bench

    what = "delta-sharing `load_as_pandas` against local `read_parquet`"
    if not bench.CLIENT.exists():
        yield Line(what, "not measured: `make delta` first", "≤ 2 ×", False)
        return
    found = bench.measured(min(given.rows, 2_000_000), given.rounds)
    more = (
        f" ({found['http_s']:.2f} s and {found['local_s']:.2f} s, {found['rows']:,} rows, {found['mb']} MB)"
    )
    yield at_most(what, found["ratio"], 2, " ×", more=more)


def decision(given: Given) -> Iterator[Line]:
    """The pure decision on a request under a grant, all rules asked."""
    from auth.policy.limits import limits
    from auth.policy.rules import objections
    from tests.auth.policy.test_decisions import GOOD, a_view, an_ask
    from tests.desk import PARKS

    ask, view, known, times = an_ask(), a_view(), limits(), 20_000
    best = float("inf")
    for _ in range(max(given.rounds, 3)):
        begun = time.perf_counter()
        for _ in range(times):
            objections(ask, view, PARKS, GOOD, known)
        best = min(best, time.perf_counter() - begun)
    yield at_most("decision on a request", best / times * 1e6, 50, " µs", 1)


def query(given: Given) -> Iterator[Line]:
    """One statistical answer, guard included, with what is kept of the release warm."""
    from tests.bench import query as bench

    found = bench.measured(given.rows, max(given.rounds, 3))
    more = f" ({found['cpu_s']:.2f} s of CPU)"
    yield at_most(f"aggregate query on {given.rows:,} rows", found["seconds"], 1, " s", more=more)


SECTIONS: Final[dict[str, Callable[[Given], Iterator[Line]]]] = {
    "extract": extract, "job": job, "forms": forms, "download": download, "sharing": sharing, "decision": decision, "query": query,
}  # fmt: skip


def _release(given: Given) -> None:
    """The bench's table as Parquet, as wide as it is released; made unless it is there."""
    import duckdb

    from tests.bench.table import SQL

    path = given.folder / "release.parquet"
    if not path.exists():
        with duckdb.connect() as connection:
            connection.execute(
                f"COPY ({SQL.format(rows=given.rows)}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
            )


def _points(given: Given) -> None:
    """A million points of the table as a file of shapes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datasets.geometry import POINT_HEAD, Extent, geo_metadata

    path, rows = given.folder / "points.parquet", min(given.rows, 1_000_000)
    if path.exists():
        return
    places = np.arange(rows)
    cells = np.zeros((rows, 21), "u1")
    cells[:, :5] = np.frombuffer(POINT_HEAD, "u1")
    lon_lat = np.stack([114.4 + places % 3200 / 1e4, 22.4 + places % 3100 / 1e4], axis=1)
    cells[:, 5:] = lon_lat.astype("<f8").view("u1").reshape(rows, 16)
    shapes = pa.Array.from_buffers(
        pa.binary(), rows, [None, pa.py_buffer((np.arange(rows + 1) * 21).astype("i4")), pa.py_buffer(cells.tobytes())]
    )  # fmt: skip
    table = pa.table(
        {"record_id": places, "station": np.char.add("ST", (places % 5000).astype("U")), "geometry": shapes}
    )
    told = geo_metadata({"geometry": Extent()}, "WGS84")
    pq.write_table(table.replace_schema_metadata({"geo": told}), path)


def run(given: Given, only: list[str]) -> str:
    """The sections as Markdown."""
    before, begun, lines = os.getloadavg()[0], time.monotonic(), []
    for name in only:
        try:
            for line in SECTIONS[name](given):
                lines.append(line)  # noqa: PERF402 - what was measured before a fault stays
        except (Exception, SystemExit) as fault:
            lines.append(
                Line(name, f"failed: {str(fault)[-300:]}".replace("\n", " ").replace("|", "/"), "", False)
            )
        print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    shown = [
        f"| {each.what} | {each.figure} | {each.bar} | {'yes' if each.is_met else '**no**'} |"
        for each in lines
    ]
    head = f"{date.today()}; load average {before:.1f} before and {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores."  # noqa: DTZ011
    return "\n".join([head, "", "| what | measured | bar | met |", "|---|---:|---:|---|", *shown])


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench.bars")
    options.add_argument("--only", nargs="*", choices=sorted(SECTIONS), metavar="SECTION")
    options.add_argument("--rows", type=int, default=5_000_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--dir", type=Path, help="where the tables are kept; else they are made anew")
    options.add_argument("--write", action="store_true", help="put what is printed into docs/bench.md")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as room:
        folder = (asked.dir or Path(room)) / str(asked.rows)
        folder.mkdir(parents=True, exist_ok=True)
        text = run(Given(folder, asked.rows, asked.rounds), asked.only or list(SECTIONS))
    print(text)
    if asked.write:
        report.write(text, marks=MARKS)


if __name__ == "__main__":
    main()
