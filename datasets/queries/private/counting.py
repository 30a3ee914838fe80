"""The exact figures that noise is added to: rows that pass, at most so many of one contributor, values clamped to the terms' bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import ColumnExpression, DuckDBPyRelation
from numpy.typing import NDArray

from auth.policy.filters.model import RowFilter
from datasets.extracts.build import engine_of, unfit, visible_rows
from datasets.extracts.compile import present
from datasets.queries.engine import Codes, Places
from datasets.queries.private.model import PrivateCount, PrivateHistogram, PrivateMeasure
from datasets.queries.private.rules import Grid

_BATCH: Final = 1_000_000  # rows
Values = NDArray[np.float64]


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
        places, values = _read(source.select(*chosen), measure, codes)
    if column is None:
        return Exact([len(kept(places, who, per_contributor))])
    if isinstance(measure, PrivateHistogram):
        told = np.bincount(values[kept(places, who, per_contributor)].astype(np.int64), minlength=len(codes))
        return Exact([int(count) for count in told])
    assert grid is not None  # noqa: S101 - the terms were asked before
    steps = on_grid(values[kept(places, who, per_contributor)], grid)
    return Exact([len(steps)], int(steps.sum()))


def _read(source: DuckDBPyRelation, measure: PrivateMeasure, codes: list[str]) -> tuple[Places, Values]:
    """The places of the rows that have a value, or a code on the list, and those: a number, or the place in the list."""
    places, values = [np.zeros(0, np.uint32)], [np.zeros(0, np.float64)]
    listed = pa.array(codes, pa.string())
    for batch in source.to_arrow_reader(_BATCH):
        at = batch.column("at").to_numpy(zero_copy_only=False).astype(np.uint32)
        if not isinstance(measure, PrivateCount):
            column = batch.column("v")
            if isinstance(measure, PrivateHistogram):
                column = pc.index_in(column, value_set=listed).cast(pa.float64())
            told = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
            there = ~np.isnan(told)
            at = at[there]
            values.append(told[there])
        places.append(at)
    return np.concatenate(places), np.concatenate(values)


def on_grid(values: NDArray[np.float64], grid: Grid) -> NDArray[np.int64]:
    """Whole steps within the bounds; what is infinite becomes a bound."""
    with np.errstate(over="ignore"):
        scaled = np.clip(values / grid.step, grid.low, grid.high)
    return np.rint(scaled).astype(np.int64)


def kept(places: Places, who: Codes | None, most: int) -> NDArray[np.int64]:
    """Which rows count: of each contributor the first `most` in release order. What others hold changes nothing in it."""
    is_in_order = bool((places[1:] > places[:-1]).all())
    order = np.arange(len(places)) if is_in_order else np.argsort(places, kind="stable")
    if who is None:
        return order
    owners = who[places if is_in_order else places[order]]
    by_owner = np.argsort(owners, kind="stable")
    owned = owners[by_owner]
    starts = (
        np.flatnonzero(np.concatenate(([True], owned[1:] != owned[:-1]))) if len(owned) else np.zeros(0, int)
    )
    rank = np.arange(len(owned))
    rank -= np.repeat(starts, np.diff(np.append(starts, len(owned))))
    return order[by_owner[rank < most]]
