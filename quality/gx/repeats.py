"""Which values occur more than once, found by their hashes; only values whose hashes meet are compared themselves.

The hashes of a table that is not vast are sorted here, which takes a third of the time of grouping them; those of a vast
one are grouped by the engine, which spills.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from quality.gx.facts import ROW

if TYPE_CHECKING:
    from quality.gx.duck import DuckDBExecutionEngine

BYTES_PER_HASH: Final = 16
SHARE_OF_MEMORY: Final = 8
MOST_ROWS_KEPT: Final = 200_000


class _Meeting(NamedTuple):
    """Hashes that occur more than once, and how many rows have one of them."""

    hashes: Any
    rows: int


def unrepeated(engine: DuckDBExecutionEngine, names: Sequence[str], rows: str, *, with_nulls: bool) -> str:
    """SQL of the condition that a row's values occur once among `rows`. with_nulls: whether missing ones equal each other;
    else rows without a value are left out, and the condition may be NULL for them."""
    present = rows if with_nulls else f"(SELECT * FROM {rows} WHERE {names[0]} IS NOT NULL)"
    table, hashes = f"repeated_{len(engine.tables)}", f"hash({', '.join(names)})"
    keys = ", ".join(f"{name} AS k{place}" for place, name in enumerate(names))
    met = _meeting(engine, hashes, present)
    if met is not None and not met.rows:
        return "TRUE"
    if met is not None and met.rows <= MOST_ROWS_KEPT:
        engine.hold(f"met_{table}", pa.table({"h": pa.array(met.hashes)}))
        suspects = f"SELECT {ROW} AS r, {keys} FROM {present} WHERE {hashes} IN (SELECT h FROM met_{table})"
        same = ", ".join(f"k{place}" for place in range(len(names)))
        counted = f"SELECT r, count(*) OVER (PARTITION BY {same}) AS n FROM ({suspects})"
        engine.make_table(table, f"SELECT r FROM ({counted}) WHERE n > 1")
        engine.let_go(f"met_{table}")
        return f"{ROW} NOT IN (SELECT r FROM {table})"
    meeting = f"SELECT {hashes} AS h FROM {present} GROUP BY h HAVING count(*) > 1"
    engine.make_table(
        table,
        f"SELECT {keys} FROM {present} WHERE {hashes} IN ({meeting}) GROUP BY {', '.join(names)} HAVING count(*) > 1",
    )
    if not engine.rows_of(f"SELECT count(*) FROM {table}")[0][0]:
        return "TRUE"
    if len(names) == 1:
        return f"{names[0]} NOT IN (SELECT k0 FROM {table})"
    packed = "struct_pack(" + ", ".join(f"k{place} := {name}" for place, name in enumerate(names)) + ")"
    held = "struct_pack(" + ", ".join(f"k{place} := k{place}" for place in range(len(names))) + ")"
    return f"NOT coalesce({packed} IN (SELECT {held} FROM {table}), FALSE)"


def _meeting(engine: DuckDBExecutionEngine, hashes: str, rows: str) -> _Meeting | None:
    """None where there are too many rows to sort in a share of the memory."""
    if engine.row_count * BYTES_PER_HASH * SHARE_OF_MEMORY > engine.memory_limit_mb << 20:
        return None
    found = np.asarray(engine.column_of(f"SELECT {hashes} AS h FROM {rows}"))
    found.sort()
    again = found[1:] == found[:-1]
    distinct = np.unique(found[1:][again])
    return _Meeting(distinct, int(again.sum()) + len(distinct))
