"""Aggregates over a table, a hundred at a time and each value worked out once.

Why this exists: one query over thousands of columns, each value spelt out wherever it is used, takes the
engine minutes to plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import duckdb

AT_ONCE: Final = 100
LONG_AT_ONCE: Final = 500
Aggregate = tuple[str, Callable[[str], str]]


def aggregates(db: duckdb.DuckDBPyConnection, table: str, asked: Sequence[Aggregate]) -> list[Any]:
    """The value of each aggregate, in order. asked: SQL of a value, and the aggregate's SQL given its name."""
    found: list[Any] = []
    for start in range(0, len(asked), AT_ONCE):
        some = asked[start : start + AT_ONCE]
        names = {value: f"v{i}" for i, value in enumerate(dict.fromkeys(value for value, _ in some))}
        inner = ", ".join(f"{value} AS {name}" for value, name in names.items())
        outer = ", ".join(aggregate(names[value]) for value, aggregate in some)
        found += db.execute(f"SELECT {outer} FROM (SELECT {inner} FROM {table})").fetchall()[0]  # noqa: S608
    return found


def text_aggregates(db: duckdb.DuckDBPyConnection, table: str, asked: Sequence[Aggregate]) -> list[Any]:
    """The same for values that are all text: of a wide table the cells are stood in one column and grouped.

    That way an aggregate is planned once for hundreds of columns, not once for each.
    """
    wanted: dict[str, dict[str, None]] = {}
    for value, aggregate in asked:
        wanted.setdefault(value, {})[aggregate("v")] = None
    if len(wanted) <= AT_ONCE:
        return aggregates(db, table, asked)
    alike: dict[tuple[str, ...], list[str]] = {}
    for value, kinds in wanted.items():
        alike.setdefault(tuple(kinds), []).append(value)
    found: dict[tuple[str, str], Any] = {}
    for spelt, values in alike.items():
        for start in range(0, len(values), LONG_AT_ONCE):
            some = values[start : start + LONG_AT_ONCE]
            rows = db.execute(
                f"SELECT i, {', '.join(spelt)} FROM (SELECT unnest(range({len(some)})) AS i, "  # noqa: S608
                f"unnest([{', '.join(some)}]) AS v FROM {table}) GROUP BY i"
            ).fetchall()
            for i, *answers in rows:
                found |= {(some[i], each): answer for each, answer in zip(spelt, answers, strict=True)}
    return [found[value, aggregate("v")] for value, aggregate in asked]


def count_of(value: str) -> Aggregate:
    """How many values are there."""
    return value, lambda name: f"count({name})"
