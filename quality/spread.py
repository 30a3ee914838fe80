"""How the values of one column are spread, with the bounds of a rule beside them; for the chart on a verdict's page.

Counted over the whole column by DuckDB; only ends of bins and counts come out, or the most common values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel

from quality import sql
from quality.kinds import MOMENTS, NUMERIC, Column, KindMismatch, coerce, column_of, members

BINS: Final = 24
COMMON: Final = 12
_BOUNDED: Final = frozenset(
    {
        "expect_column_values_to_be_between",
        "expect_column_max_to_be_between",
        "expect_column_min_to_be_between",
        "expect_column_mean_to_be_between",
        "expect_column_median_to_be_between",
    }
)
_SETS: Final[Mapping[str, bool]] = {
    "expect_column_values_to_be_in_set": True,
    "expect_column_distinct_values_to_be_in_set": True,
    "expect_column_values_to_not_be_in_set": False,
}


class Bar(BaseModel):
    """`low` ≤ value < `high` (the last bin with its end), or one value as text. is_outside: beyond what the rule allows."""

    label: str
    low: float | None = None
    high: float | None = None
    count: int
    is_outside: bool = False


class Spread(BaseModel):
    """bounds: lower and upper bound as numbers; moments are seconds since 1970 (UTC). beyond: values outside all bars."""

    column: str
    form: Literal["bins", "values"]
    is_moment: bool = False
    bars: list[Bar]
    bounds: list[tuple[Literal["min", "max"], float, str]] = []
    beyond: int = 0


def can_be_drawn(type_: str) -> bool:
    """Whether a rule of this type has bounds or a set that a picture of its column can show."""
    return type_ in _BOUNDED or type_ in _SETS


def spread(table: Path, type_: str, kwargs: Mapping[str, Any]) -> Spread | None:
    """The picture for one rule; None where there is nothing to draw (no values, a bound of another kind)."""
    import pyarrow.parquet as pq

    schema = pq.read_schema(table)
    if kwargs.get("column") not in schema.names:
        return None
    column = column_of(schema.field(kwargs["column"]))
    try:
        if type_ in _SETS:
            return _of_values(table, column, members(kwargs["value_set"], column), wanted=_SETS[type_])
        if type_ in _BOUNDED and column.kind in NUMERIC | MOMENTS:
            return _of_bins(table, column, kwargs)
    except KindMismatch:
        return None
    return None


def _asked(query: str, table: Path, *more: Any) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect(config={"memory_limit": "400MB", "threads": 1}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(query, [str(table), *more]).fetchall()


def _of_values(table: Path, column: Column, known: Sequence[Any], *, wanted: bool) -> Spread | None:
    inside = sql.member_of(column.sql, list(known))
    query = (
        f"SELECT CAST({column.sql} AS VARCHAR), count(*), bool_and({inside}) FROM read_parquet(?) "  # noqa: S608
        f"WHERE {column.sql} IS NOT NULL GROUP BY 1 ORDER BY (bool_and({inside}) = {wanted}), 2 DESC, 1"
    )
    found = _asked(query + f" LIMIT {COMMON}", table)
    if not found:
        return None
    total = _asked(f"SELECT count({column.sql}) FROM read_parquet(?)", table)[0][0]  # noqa: S608
    bars = [
        Bar(label=str(text)[:40], count=count, is_outside=bool(known_) is not wanted)
        for text, count, known_ in found
    ]
    return Spread(
        column=column.name, form="values", bars=bars, beyond=int(total) - sum(bar.count for bar in bars)
    )


def _of_bins(table: Path, column: Column, kwargs: Mapping[str, Any]) -> Spread | None:
    is_moment = column.kind in MOMENTS
    number = f"epoch({column.sql})" if is_moment else f"CAST({column.sql} AS DOUBLE)"
    bounds: list[tuple[Literal["min", "max"], float, str]] = []
    for side, key in (("min", "min_value"), ("max", "max_value")):
        if kwargs.get(key) is not None:
            bound = coerce(kwargs[key], column)
            bounds.append((side, _number(bound), str(kwargs[key])))  # type: ignore[arg-type]
    rows = (
        f"(SELECT {number} AS v FROM read_parquet(?) WHERE {column.sql} IS NOT NULL AND isfinite({number}))"  # noqa: S608 - names are quoted
    )
    low, high, total = _asked(
        f"SELECT approx_quantile(v, 0.01), approx_quantile(v, 0.99), count(*) FROM {rows}",  # noqa: S608
        table,
    )[0]
    if not total:
        return None
    ends = [low, high, *(bound for _, bound, _ in bounds)]
    low, high = min(ends), max(ends)
    room = (high - low) * 0.04 or 0.5
    edges = _edges(low - room, high + room, [bound for _, bound, _ in bounds])
    # A value on an edge belongs to the bin after it, unless a rule says that it still belongs to the one before.
    before = {edges[-1]} | {
        bound
        for side, bound, _ in bounds
        if (side == "max" and not kwargs.get("strict_max")) or (side == "min" and kwargs.get("strict_min"))
    }
    parts = ", ".join(
        f"count(*) FILTER (v {'>' if left in before else '>='} {sql.literal(left)} "
        f"AND v {'<=' if right in before else '<'} {sql.literal(right)})"
        for left, right in pairwise(edges)
    )
    counts = _asked(f"SELECT {parts} FROM {rows}", table)[0]  # noqa: S608
    least = next((bound for side, bound, _ in bounds if side == "min"), None)
    most = next((bound for side, bound, _ in bounds if side == "max"), None)
    bars = [
        Bar(
            label=f"{_shown(left, is_moment)} – {_shown(right, is_moment)}", low=left, high=right, count=count,
            is_outside=(least is not None and right <= least) or (most is not None and left >= most),
        )
        for (left, right), count in zip(pairwise(edges), counts, strict=True)
    ]  # fmt: skip
    return Spread(
        column=column.name, form="bins", is_moment=is_moment, bars=bars, bounds=bounds,
        beyond=int(total) - sum(counts),
    )  # fmt: skip


def _edges(low: float, high: float, bounds: list[float]) -> list[float]:
    """Equal bins from low to high, cut at the bounds, so that no bar lies on both sides of one."""
    step = (high - low) / BINS
    plain = [low + step * place for place in range(BINS + 1)]
    kept = [edge for edge in plain[1:-1] if all(abs(edge - bound) > step / 2 for bound in bounds)]
    return sorted({low, *kept, *bounds, high})


def _number(bound: Any) -> float:
    if isinstance(bound, datetime):
        return (bound if bound.tzinfo else bound.replace(tzinfo=UTC)).timestamp()
    return float(bound)


def _shown(value: float, is_moment: bool) -> str:
    if is_moment:
        return (
            datetime.fromtimestamp(value, UTC).isoformat(sep=" ", timespec="minutes").removesuffix("+00:00")
        )
    return f"{value:.6g}"
