"""Columns that hold few different values are judged value by value: each once, counted as often as it occurs.

A rule about single values of one column costs as much as there are rows; over a tally of the column it costs as much as
there are values. The answer is the same, as values are grouped only where equal means identical.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from quality import sql
from quality.gx.facts import ROW, TABLE
from quality.gx.proved import later_in
from quality.kinds import Column, Kind

FEWEST_ROWS: Final = 100_000
"""Below this nothing is worth saving."""
LOOKED_AT: Final = 8_192
MOST_VALUES: Final = 6_144
"""Among three times the rows looked at."""
KINDS: Final = frozenset({Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME, Kind.DECIMAL})
EXACT: Final = 2**52
"""Whole numbers below this are the same as binary numbers, halves too."""
COUNT: Final = "__n__"
_COUNTED: Final = ".unexpected_count"
_SAME: Final = frozenset({"column.max", "column.min", "column.distinct_values.count"})  # fmt: skip


def holds_few(table: Path, column: Column) -> bool:
    """Whether a column seems to hold few different values, by groups of rows from its beginning, middle and end."""
    if column.kind not in KINDS or column.name == COUNT:
        return False
    with pq.ParquetFile(table) as file:
        if file.metadata.num_rows < FEWEST_ROWS:
            return False
        groups = {0, file.num_row_groups // 2, file.num_row_groups - 1}
        seen = [_beginning(file, group, column.name) for group in groups]
    largest, together = max(map(len, seen)), len(set().union(*seen))
    return together <= MOST_VALUES and together <= 2 * largest


def _beginning(file: pq.ParquetFile, group: int, name: str) -> list[Any]:
    """The different values among the first rows of a group."""
    batch = next(file.iter_batches(LOOKED_AT, row_groups=[group], columns=[name]), None)
    return pc.unique(batch.column(0)).to_pylist() if batch is not None else []


def over_tally(metric: str, domain: dict[str, Any], select: Any, engine: sa.Engine) -> Any:
    """The aggregate as it is asked of the tally of its column; None where a tally cannot answer it."""
    if domain.get("table") not in (None, TABLE) or domain.get("row_condition") is not None:
        return None
    if metric in _SAME:
        return select
    if later_in(select) is not None:
        return None
    clauses = getattr(select, "clauses", None)
    if not metric.endswith(_COUNTED) or not isinstance(select, sa.sql.functions.sum) or clauses is None:
        return None
    if ROW in str(select.compile(engine, compile_kwargs={"literal_binds": True})):
        return None  # such a rule judges rows, not values
    return sa.func.sum(next(iter(clauses)) * sa.column(COUNT))


def tally_sql(column: Column) -> str:
    return f"SELECT {column.sql}, count(*) AS {sql.name(COUNT)} FROM {TABLE} GROUP BY {column.sql}"


def median(values: list[tuple[Any, int]]) -> float | None:
    """Of whole numbers in ascending order, each with its count; between the two in the middle where these differ."""
    total = sum(count for _, count in values)
    if not total:
        return None
    low, high = _at(values, (total - 1) // 2), _at(values, total // 2)
    return low + (high - low) * 0.5


def _at(values: list[tuple[Any, int]], place: int) -> float:
    for value, count in values:
        place -= count
        if place < 0:
            return float(value)
    raise IndexError(place)
