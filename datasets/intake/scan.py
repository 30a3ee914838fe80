"""Aggregates over a table, a hundred at a time and each value worked out once.

Why this exists: one query over thousands of columns, each value spelt out wherever it is used, takes the
engine minutes to plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import duckdb

AT_ONCE: Final = 100
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


def count_of(value: str) -> Aggregate:
    """How many values are there."""
    return value, lambda name: f"count({name})"
