"""Every cell that its declared type cannot hold, in one file: what the findings cap, written while the table is made.

The typed table holds nothing in such a cell; here stands what the source wrote, with its place. Together they hold every cell.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.intake.casts import quoted, text_literal
from datasets.intake.facts import ROW_COLUMN

SCHEMA: Final = pa.schema([
    ("row", pa.int64()), ("line", pa.int64()), ("member", pa.string()), ("column", pa.string()), ("value", pa.string()), ("wanted", pa.string()),
])  # fmt: skip
"""row: number of the record. line: in the file, or in the member where several are one table; empty where the format has no lines.
column: by its name in the typed table. value: as the source wrote it. wanted: the declared type."""
_AT_ONCE: Final = 50
_BATCH: Final = 65_536


class Cell(NamedTuple):
    """A column that holds such cells: its name, its type, and the SQL of what was written and of its value."""

    column: str
    wanted: str
    text: str
    is_lost: str


def write(
    db: duckdb.DuckDBPyConnection, table: str, cells: Sequence[Cell], out: Path, *, line: str | None, member: str | None
) -> int:  # fmt: skip
    """Write the list of all cells of these columns that are lost; gives how many. Record by record, fifty columns at a time.

    table: SQL of the staged records, with `file_row_number` from 0. line, member: SQL of a record's line and member.
    """
    some = [cells[at : at + _AT_ONCE] for at in range(0, len(cells), _AT_ONCE)]
    queries = (_query(table, each, line=line, member=member) for each in some)
    return _written(out, (batch for query in queries for batch in db.execute(query).to_arrow_reader(_BATCH)))


def _query(table: str, cells: Sequence[Cell], *, line: str | None, member: str | None) -> str:
    listed = ", ".join(
        f"{{'column': {text_literal(c.column)}, 'value': CASE WHEN {c.is_lost} THEN {c.text} END, 'wanted': {text_literal(c.wanted)}}}"
        for c in cells
    )
    return (
        f"SELECT row, line, member, c.column AS column, c.value AS value, c.wanted AS wanted FROM ("
        f"SELECT file_row_number + 1 AS row, {line or 'NULL'} AS line, {member or 'NULL'} AS member, unnest([{listed}]) AS c FROM {table}"
        f") WHERE c.value IS NOT NULL"
    )


def _written(out: Path, batches: Iterator[pa.RecordBatch]) -> int:
    rows = 0
    with pq.ParquetWriter(out, SCHEMA, compression="zstd") as file:
        for batch in batches:
            rows += batch.num_rows
            file.write_batch(batch.cast(SCHEMA))
    return rows


def none(out: Path) -> None:
    """A list of no cells."""
    _written(out, iter(()))


def left_after(former: Path, table: Path, out: Path) -> Mapping[str, int]:
    """Of the cells that were lost before, those that are still empty in `table`: listed in `out`, counted by column."""
    with duckdb.connect(config={"memory_limit": "400MB"}) as db:
        counted = f'SELECT "column", count(*) FROM read_parquet({text_literal(str(former))}) GROUP BY ALL ORDER BY ALL'
        empty = " UNION ALL ".join(
            f'SELECT {text_literal(column)} AS "column", {ROW_COLUMN} AS row FROM read_parquet({text_literal(str(table))}) '
            f"WHERE {quoted(column)} IS NULL"
            for column, _ in db.execute(counted).fetchall()
        )
        left = (
            f"SELECT * EXCLUDE file_row_number FROM read_parquet({text_literal(str(former))}, file_row_number = true) "
            f'SEMI JOIN ({empty}) USING ("column", row) ORDER BY file_row_number'
        )
        _written(out, iter(db.execute(left).to_arrow_reader(_BATCH)))
        return dict(db.execute(counted.replace(text_literal(str(former)), text_literal(str(out)))).fetchall())
