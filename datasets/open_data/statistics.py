"""A table's columns in numbers, read from its Parquet. A release never changes, so neither do its numbers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from datasets import datastore
from datasets.open_data.models import Bin, ColumnStatistics

MOST: Final = 60  # columns
_BINS: Final = 12
_VALUES: Final = 8
_NUMBERS: Final = ("int", "int8", "float8", "numeric")
_TIMES: Final = ("date", "timestamp")
_FROM: Final = "FROM read_parquet($path)"


@lru_cache(maxsize=64)
def columns_of(path: Path, memory_limit_mb: int) -> tuple[list[ColumnStatistics], int]:
    """The first columns in order, and how many more there are."""
    fields = datastore.fields_of(path)[1:]
    with datastore.looking(memory_limit_mb) as engine:
        made = [_column(engine, str(path), field) for field in fields[:MOST]]
    return made, max(0, len(fields) - MOST)


def _column(engine: Any, path: str, field: dict[str, Any]) -> ColumnStatistics:  # noqa: ANN401 - DuckDB's connection
    name = datastore.quoted(field["id"])
    kind = str(field["type"])
    is_number, is_time = kind in _NUMBERS, kind in _TIMES
    as_is = name if is_number or is_time else f"CAST({name} AS VARCHAR)"
    sums = f"count({name}), approx_count_distinct({name}), min({as_is}), max({as_is})"
    mean = f"avg({name})" if is_number else "NULL"
    filled, distinct, least, most, average = engine.execute(
        f"SELECT {sums}, {mean} {_FROM}", {"path": path}
    ).fetchone()  # fmt: skip
    spread = (is_number or is_time) and least is not None and least != most
    bins = _spread(engine, path, name, is_time) if spread else _values(engine, path, as_is)
    return ColumnStatistics(
        name=field["id"], type=kind, title=field.get("info", {}).get("label", ""), filled=filled, distinct=min(distinct, filled),
        least=_said(least), most=_said(most), mean=float(average) if average is not None else None, is_binned=bool(spread), bins=bins,
    )  # fmt: skip


def _spread(engine: Any, path: str, name: str, is_time: bool) -> list[Bin]:  # noqa: ANN401 - as above
    """Rows in bins of equal width."""
    value = f"epoch(CAST({name} AS TIMESTAMP))" if is_time else f"CAST({name} AS DOUBLE)"
    found = engine.execute(
        f"""WITH v AS (SELECT {value} AS x {_FROM} WHERE isfinite({value})), b AS (SELECT min(x) AS lo, (max(x) - min(x)) / {_BINS} AS w FROM v)
        SELECT lo, w, least({_BINS - 1}, CAST(floor((x - lo) / w) AS INTEGER)) AS bin, count(*) FROM v, b WHERE w > 0 GROUP BY ALL ORDER BY bin""",  # noqa: S608 - as above
        {"path": path},
    ).fetchall()
    counts = {place: rows for _, _, place, rows in found}
    if not found:
        return []
    low, width = found[0][0], found[0][1]
    return [
        Bin(label=_bound(low + place * width, is_time), rows=counts.get(place, 0)) for place in range(_BINS)
    ]


def _bound(value: float, is_time: bool) -> str:
    if not is_time:
        return f"{value:.6g}"
    from datetime import UTC, datetime

    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")


def _values(engine: Any, path: str, as_text: str) -> list[Bin]:  # noqa: ANN401 - as above
    """The most frequent values."""
    found = engine.execute(
        f"SELECT CAST({as_text} AS VARCHAR) AS v, count(*) AS n {_FROM} WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT {_VALUES}",
        {"path": path},
    ).fetchall()
    return [Bin(label=str(value)[:60], rows=rows) for value, rows in found]


def _said(value: Any) -> str | None:  # noqa: ANN401 - a cell
    if value is None:
        return None
    said = (
        value.isoformat()
        if hasattr(value, "isoformat")
        else f"{value:.10g}"
        if isinstance(value, float)
        else str(value)
    )
    return said if len(said) <= 60 else said[:59] + "…"
