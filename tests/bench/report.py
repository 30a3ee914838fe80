"""What was measured, as Markdown: the contestants, then the bars and whether they are met; also written into docs/bench.md."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "docs" / "bench.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
Found = Mapping[str, Any]


class Bar(NamedTuple):
    """A ratio to reach: how many times as fast as the other (`faster`), or how many times its time at most.

    wanted: None where the other does less or other work, so that the ratio is told but not judged.
    """

    ours: str
    other: str
    wanted: float | None
    faster: bool


BARS: Final = (
    Bar("gate", "pandas-gx", 4.0, faster=True),
    Bar("gate", "pandas-gx-counts", None, faster=True),
    Bar("gate", "duckdb-copy", 2.5, faster=False),
    Bar("vast-gate", "gate", 11.0, faster=False),
    Bar("extract", "extract-copy", None, faster=False),
    Bar("extract", "extract-copy-hmac", 1.5, faster=False),
    Bar("flights-csv-gate", "flights-csv-pandas-gx", None, faster=True),
    Bar("flights-csv-gate", "flights-csv-pandas-gx-counts", None, faster=True),
    Bar("flights-csv-gate", "flights-csv-duckdb-copy", None, faster=False),
    Bar("flights-gate", "flights-pandas-gx", 4.0, faster=True),
    Bar("flights-gate", "flights-pandas-gx-counts", None, faster=True),
    Bar("flights-gate", "flights-duckdb-copy", 2.5, faster=False),
)
PEAKS: Final = {"gate": 1200, "vast-gate": 1200, "extract": 400, "flights-csv-gate": 1200, "flights-gate": 1200}  # fmt: skip


def lines(best: Mapping[str, Found], rows: int, rounds: int, loads: tuple[float, float]) -> Iterator[str]:
    cores = os.cpu_count() or 1
    yield (
        f"{rows:,} rows × 12 columns; best of {rounds}; load average {loads[0]:.1f} before and {loads[1]:.1f} after, {cores} cores"
    )
    yield ""
    yield "| contestant | seconds | CPU seconds | peak MB | output MB | rows out | verdict |"
    yield "|---|---:|---:|---:|---:|---:|---|"
    for name, each in best.items():
        yield (
            f"| {name} | {each['seconds']:.2f} | {each['cpu']:.2f} | {each['peak_mb']:,.0f} | {each['out_mb']:.0f} "
            f"| {each['rows']:,} | {each.get('verdict', '')} |"
        )
    yield ""
    yield "| what | by wall time | by CPU time | wanted | met |"
    yield "|---|---:|---:|---|---|"
    for bar in BARS:
        if bar.ours in best and bar.other in best:
            yield _bar(bar, best[bar.ours], best[bar.other])
    for name, limit in PEAKS.items():
        if name in best:
            peak = best[name]["peak_mb"]
            yield f"| {name}, peak memory | {peak:,.0f} MB | | ≤ {limit:,} MB | {'yes' if peak <= limit else '**no**'} |"


def _bar(bar: Bar, ours: Found, other: Found) -> str:
    ratios = [ours[unit] / other[unit] for unit in ("seconds", "cpu")]
    shown = [f"{1 / each:.1f} × as fast" if bar.faster else f"{each:.1f} × its time" for each in ratios]
    head = f"| {bar.ours} against {bar.other} | {shown[0]} | {shown[1]}"
    if bar.wanted is None:
        return f"{head} | – | |"
    return (
        f"{head} | {'≥' if bar.faster else '≤'} {bar.wanted:g} × | {met(bar.wanted, bar.faster, *ratios)} |"
    )


def met(wanted: float, faster: bool, wall: float, cpu: float) -> str:
    """Judged by wall time, which the bars are meant for; that CPU time alone says yes or no is told beside it."""
    by_wall, by_cpu = (1 / each >= wanted if faster else each <= wanted for each in (wall, cpu))
    if by_wall:
        return "yes" if by_cpu else "yes, on two cores"
    return "**not by wall time**" if by_cpu else "**no**"


def write(text: str, page: Path = PAGE, marks: tuple[str, str] = (BEGIN, END)) -> None:
    """Put the text between the page's marks. Raises ValueError where it has none."""
    first, last = marks
    head, begin, rest = page.read_text(encoding="utf-8").partition(first)
    _, end, tail = rest.partition(last)
    if not (begin and end):
        raise ValueError(f"{page} has no marks to write between: {first} … {last}")
    page.write_text(f"{head}{first}\n{text}\n{last}{tail}", encoding="utf-8")
