"""Finding the rows of groups that are too small to leave. One bit a row is held; the engine spills the rest to disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from duckdb import ColumnExpression, DuckDBPyRelation

from auth.policy.model import Use
from auth.policy.small_cells import CODE, SmallCells
from core.errors import Conflict, Reason
from core.text import Text, number_of
from datasets.extracts.compile import Held, leaving, unhashed

BASIS: Final = "小单元格抑制规则 · suppression of small cells (docs/extracts.md)"
_BATCH: Final = 100_000

Kept = Callable[[pa.Array], pa.Array]


class LeftOut:
    """The places of the rows that stay out."""

    def __init__(self, last_place: int) -> None:
        self._bits = np.zeros(last_place // 8 + 1, "u1")
        self.rows = 0

    def add(self, places: pa.Array) -> None:
        at = places.to_numpy(zero_copy_only=False)
        np.bitwise_or.at(self._bits, at >> 3, np.left_shift(1, at & 7).astype("u1"))
        self.rows += len(at)

    def kept(self, places: pa.Array) -> pa.Array:
        """Which of these rows leave."""
        at = places.to_numpy(zero_copy_only=False)
        return pa.array((self._bits[at >> 3] >> (at & 7)) & 1 == 0)


def left_out(
    visible: DuckDBPyRelation,
    held: Mapping[str, Held],
    cells: SmallCells,
    *,
    key: bytes,
    place: str,
    release_rows: int,
) -> LeftOut:
    """Rows of groups below the limit; where these are together fewer than the limit, the smallest other group stays out as well.

    Why the second: the holder may know how many rows there are, and would learn the size of the one group that is missing.
    `place`: the column of the row's place, at most `release_rows`. Raises Conflict where the rule refuses, or nothing would be left.
    """
    chosen = [
        (
            unhashed(held[term.name])
            if term.use is Use.PSEUDONYMISED
            else leaving(term, held[term.name], key)
        ).alias(f"q{at}")
        for at, term in enumerate(cells.terms)
        if term.name in held  # a release that lacks a column has no groups by it
    ]
    found = LeftOut(release_rows)
    if not chosen:
        return found
    grouped = visible.select(*chosen, ColumnExpression(place).alias("at"))
    names = [f"q{at}" for at, term in enumerate(cells.terms) if term.name in held]
    reader = grouped.query("cells", _sql(names, cells.min_rows)).to_arrow_reader(_BATCH)
    all_out = False
    for batch in reader:
        found.add(batch.column(0))
        all_out = all_out or not batch.column(1)[0].as_py()
    if found.rows and (cells.is_refused or all_out):
        raise _refusal(cells, is_all=all_out)
    return found


def _sql(names: list[str], min_rows: int) -> str:
    """Places that stay out, and whether any group stays. Made of safe names and one number alone."""
    listed = ", ".join(names)
    same = " AND ".join(f"c.{name} IS NOT DISTINCT FROM d.{name}" for name in names)
    return f"""
        WITH g AS (SELECT {listed}, count(*) AS n, min("at") AS first FROM cells GROUP BY {listed}),
        s AS (
            SELECT coalesce(sum(n) FILTER (n < {min_rows}), 0) AS lost,
                   arg_min(first, (n, first)) FILTER (n >= {min_rows}) AS next FROM g
        ),
        d AS (
            SELECT g.* FROM g, s
            WHERE g.n < {min_rows} OR (s.lost BETWEEN 1 AND {min_rows - 1} AND g.first = s.next)
        )
        SELECT c."at", (SELECT count(*) FROM g) > (SELECT count(*) FROM d) AS any_stays FROM cells AS c JOIN d ON {same}
    """  # noqa: S608 - names of our own


def _refusal(cells: SmallCells, *, is_all: bool) -> Conflict:
    names = ", ".join(term.name for term in cells.terms)
    zh = "没有足够的组达到" if is_all else "有的组少于"
    en = "too few groups reach" if is_all else "some groups stay below"
    text = Text(
        f"按准标识符（{names}）分组，{zh} {cells.min_rows} 行，没有交付任何数据；请放宽筛选条件，或在申请中对这些列作概化处理（取整、截断）。",
        f"Grouped by the quasi-identifiers ({names}), {en} {number_of(cells.min_rows, 'rows')}; nothing was delivered. "
        "Filter less, or have these columns generalised in the application (rounding, truncation).",
    )
    return Conflict(text, reasons=[Reason(CODE, text, BASIS, {"min_rows": cells.min_rows})])
