"""Columns of times in which some cells carry an offset from UTC and others do not: two clocks in one column.

Which clock the cells without one follow is a conclusion about the file. It is doubted until a person has said so, and told by
`zone`: an offset, or `written` for leaving them as they stand.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import duckdb

from core.text import Text, number_of, verb_of
from datasets.intake.casts import Hints, typed, zone_of
from datasets.intake.guesses import WRITTEN, Alternative, Guess, told

HOME: Final = "+08:00"  # where the files of several offsets come from
UNSURE: Final = 0.5
NAIVE: Final = ""
_ALTERNATIVES: Final = 4


def count(db: duckdb.DuckDBPyConnection, table: str, text: str, hints: Hints) -> dict[str, int]:
    """How many times of a column carry which offset (`+08:00`), and how many none (``). Stamps since 1970 have none to carry."""
    rows = db.execute(
        f"SELECT z, count(*) FROM (SELECT {zone_of('v', hints)} AS z FROM (SELECT {text} AS v FROM {table}) "
        f"WHERE {typed('v', 'datetime', hints)} IS NOT NULL) WHERE z IS NOT NULL GROUP BY z"
    ).fetchall()
    return dict(rows)


def is_mixed(clocks: Mapping[str, int]) -> bool:
    return bool(clocks.get(NAIVE)) and len(clocks) > 1


def settle(columns: Mapping[str, Mapping[str, int]], zone: str | None) -> Guess | None:
    """What cells without an offset are taken for; None where no column is mixed. columns: name → offset → cells."""
    mixed = {name: clocks for name, clocks in columns.items() if is_mixed(clocks)}
    if not mixed:
        return None
    if zone is not None:
        return told("zone", zone)
    seen = Counter[str]()
    for clocks in mixed.values():
        seen.update({offset: number for offset, number in clocks.items() if offset != NAIVE})
    taken = next(iter(seen)) if len(seen) == 1 else HOME
    others = [offset for offset, _ in seen.most_common(_ALTERNATIVES) if offset != taken]
    if taken != HOME and HOME not in others:
        others.append(HOME)
    counted = "、".join(f"“{name}”" for name in mixed)
    with_, without = seen.total(), sum(clocks[NAIVE] for clocks in mixed.values())
    offsets = ", ".join(seen)
    return Guess(
        aspect="zone",
        value=taken,
        confidence=UNSURE,
        alternatives=[Alternative(value=each, confidence=0.2) for each in (WRITTEN, *others)],
        why=Text(
            f"{counted}列有 {with_} 格带时区（{offsets}）、{without} 格不带，不带的按 UTC{taken} 换算",
            f"in {counted} {number_of(with_, 'cells')} {verb_of(with_, 'carry')} an offset ({offsets}) and {without} none; those are taken to be UTC{taken}",
        ),
    )


def minutes(zone: str) -> int | None:
    """Minutes east of UTC; None for `written`."""
    if zone == WRITTEN:
        return None
    size = int(zone[1:3]) * 60 + int(zone[4:6])
    return -size if zone[0] == "-" else size
