"""Rows of a release sorted, where the dictionary's layout names by what; and put back, to prove that sorting changed nothing.

The verdict names a digest over the values in the order in which they were handed in. So the sorted file's rows are put back
into that order by their places, and the digest is taken over them: it is the judged one, or nothing is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from duckdb import DuckDBPyConnection

from core.errors import Conflict
from core.text import Text
from datasets.content import ROW_COLUMN
from datasets.releases.engine import PLACE, batches_of, demand_no_clash, engine, quoted

_GROUP_ROWS = 131_072


def sorted_copy(table: Path, out: Path, by: Sequence[str], *, memory_limit_mb: int, scratch: Path) -> None:
    """The typed table sorted by the columns `by`, then by the place in the handed-in file; empty cells last."""
    schema = pq.read_schema(table)
    _demand_columns(schema.names, by)
    with engine(memory_limit_mb, scratch) as db:
        found = db.execute(
            f"SELECT {_names(schema.names)} FROM read_parquet($table) ORDER BY {_order(by)}",  # noqa: S608 - quoted
            {"table": str(table)},
        )
        _write(found, schema, out)


def put_back(
    made: Path, table: Path, by: Sequence[str], out: Path, *, memory_limit_mb: int, scratch: Path
) -> None:
    """The rows of the sorted file in the order of the typed table again; schema and metadata as they are."""
    schema = pq.read_schema(made)
    demand_no_clash(schema.names)
    with engine(memory_limit_mb, scratch) as db:
        found = db.execute(
            f"SELECT {_names(schema.names, 'r.')} FROM read_parquet($file, {PLACE} = true) AS r JOIN "  # noqa: S608 - quoted
            f"(SELECT {quoted(ROW_COLUMN)} AS at, row_number() OVER (ORDER BY {_order(by)}) - 1 AS place "
            f"FROM read_parquet($table)) AS p ON r.{PLACE} = p.place ORDER BY p.at",
            {"file": str(made), "table": str(table)},
        )
        _write(found, schema, out)


def _demand_columns(names: Sequence[str], by: Sequence[str]) -> None:
    if missing := [name for name in by if name not in names]:
        told = ", ".join(missing)
        raise Conflict(
            Text(
                f"数据字典的版式要求按“{told}”排序，但数据中没有这些列；请更正版式后再发布。",
                f"The dictionary's layout sorts by {told}, but the data have no such column; correct the layout, then publish.",
            )
        )


def _names(names: Sequence[str], before: str = "") -> str:
    return ", ".join(f"{before}{quoted(name)}" for name in names)


def _order(by: Sequence[str]) -> str:
    return ", ".join([*(f"{quoted(name)} ASC NULLS LAST" for name in by), quoted(ROW_COLUMN)])


def _write(found: DuckDBPyConnection, schema: pa.Schema, out: Path) -> None:
    """Quick to write and to read; nobody sees this file."""
    with pq.ParquetWriter(out, schema, compression="lz4") as writer:
        for batch in batches_of(found, schema):
            writer.write_batch(batch, row_group_size=_GROUP_ROWS)
