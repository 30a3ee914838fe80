"""The exact figures that noise is added to: rows that pass, at most so many of one contributor, values clamped to the terms' bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import ColumnExpression
from numpy.typing import NDArray

from auth.policy.filters.model import RowFilter
from datasets.extracts.build import engine_of, unfit, visible_rows
from datasets.extracts.compile import present
from datasets.queries.engine import Codes
from datasets.queries.private.model import PrivateCount, PrivateHistogram, PrivateMeasure
from datasets.queries.private.rules import Grid


@dataclass(frozen=True, slots=True)
class Exact:
    """Never told. `sums` in steps of the grid; `counts`: one number, or one for each code of the list."""

    counts: list[int]
    total: int = 0

    def of(self, part: str) -> list[int]:
        """The numbers that noise of this part is added to."""
        return [self.total] if part == "sum" else self.counts


def exact(
    release: Path,
    row_filter: RowFilter | None,
    measure: PrivateMeasure,
    who: Codes | None,
    per_contributor: int,
    *,
    grid: Grid | None,
    codes: list[str],
    memory_limit_mb: int,
    scratch: Path,
) -> Exact:
    """The figures of a question. Rows without a value, or with a code that is not on the list, count for nothing."""
    column = None if isinstance(measure, PrivateCount) else measure.column
    with engine_of(memory_limit_mb, scratch) as connection:
        source, held = visible_rows(connection, release, row_filter)
        chosen = [ColumnExpression("at").alias("at")]
        if column is not None:
            if column not in held:
                raise unfit(f"no column {column}")
            kind = (
                duckdb.sqltypes.VARCHAR if isinstance(measure, PrivateHistogram) else duckdb.sqltypes.DOUBLE
            )
            chosen.append(present(held[column]).cast(kind).alias("v"))
        table = source.select(*chosen).to_arrow_table()
    places = table.column("at").to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    if column is None:
        return Exact([len(kept(places, who, per_contributor))])
    if isinstance(measure, PrivateHistogram):
        return Exact(_by_code(table, places, who, per_contributor, codes))
    assert grid is not None  # noqa: S101 - the terms were asked before
    values = table.column("v").to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    there = ~np.isnan(values)
    values, places = values[there], places[there]
    steps = on_grid(values[kept(places, who, per_contributor)], grid)
    return Exact([len(steps)], int(steps.sum()))


def on_grid(values: NDArray[np.float64], grid: Grid) -> NDArray[np.int64]:
    """Whole steps within the bounds; what is infinite becomes a bound."""
    with np.errstate(over="ignore"):
        scaled = np.clip(values / grid.step, grid.low, grid.high)
    return np.rint(scaled).astype(np.int64)


def kept(places: NDArray[np.int64], who: Codes | None, most: int) -> NDArray[np.int64]:
    """Which rows count: of each contributor the first `most` in release order. What others hold changes nothing in it."""
    order = np.argsort(places, kind="stable")
    if who is None:
        return order
    owners = who[places[order]]
    by_owner = np.argsort(owners, kind="stable")
    owned = owners[by_owner]
    starts = (
        np.flatnonzero(np.concatenate(([True], owned[1:] != owned[:-1]))) if len(owned) else np.zeros(0, int)
    )
    rank = np.arange(len(owned)) - np.repeat(starts, np.diff(np.append(starts, len(owned))))
    return order[by_owner[rank < most]]


def _by_code(
    table: pa.Table, places: NDArray[np.int64], who: Codes | None, most: int, codes: list[str]
) -> list[int]:
    at = pc.index_in(table.column("v"), value_set=pa.array(codes, pa.string())).combine_chunks()
    index = at.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    listed = np.flatnonzero(index >= 0)
    index, places = index[listed], places[listed]
    chosen = index[kept(places, who, most)]
    return [int(count) for count in np.bincount(chosen, minlength=len(codes))]
