"""Regular delimited text becomes typed Parquet in one pass: split, cast and written as it streams by.

A sample settles what each column is. The pass then proves it on every value and stops at the first cell that is not
exactly as expected; whoever called falls back to the careful path, which alone reports and repairs. So both paths give
the same table, columns and findings, and this one only ever answers where there is nothing to say.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq

from core.errors import InputRefused
from datasets.intake.casts import quoted
from datasets.intake.delimited import Delimited
from datasets.intake.dictionary import Dictionary
from datasets.intake.encodings import Utf8Text
from datasets.intake.facts import ROW_COLUMN, ColumnFacts, FindingLog
from datasets.intake.inference import SAMPLE_ROWS
from datasets.intake.layout import FOOTERS_LOOKED_AT, Record, footer_length
from datasets.intake.staging import (
    Head,
    Staged,
    copy_lines,
    csv_rows,
    is_regular,
    named_columns,
    rows_per_group,
)
from datasets.intake.table import Plan, cells_of, path_literal, plan_by_sample, table_of

MANY_LINES: Final = 20_000  # below this the careful path takes no time worth saving
MANY_COLUMNS: Final = 300
SAMPLED_PLACES: Final = 8
SAMPLED_BYTES: Final = 64 << 10
HEAD_BYTES: Final = 8 << 20


@dataclass(slots=True)
class Typed:
    """A table already written: what `Staged` says of its source, its plans, and the facts of its columns."""

    staged: Staged
    plans: list[Plan]
    columns: list[ColumnFacts]


@dataclass(slots=True)
class _Lines:
    """Delimited text whose lines look like one record each."""

    text: Utf8Text
    delimiter: str
    head: Head
    width: int

    @property
    def rows(self) -> int:
        return self.text.newlines + (0 if self.text.ends_with_newline else 1) - self.head.line


def read(
    db: duckdb.DuckDBPyConnection,
    text: Utf8Text,
    grid: Delimited,
    head: Head,
    dictionary: Dictionary,
    out: Path,
    folder: Path,
    log: FindingLog,
    *,
    numbered: bool,
) -> Typed | None:
    """Write the typed table to `out`; None, with nothing written and nothing logged, where it is not that simple."""
    width = len(head.cells) or max(len(record.cells) for record in head.body)
    if not is_regular(text, grid, head, width) or grid.delimiter is None or width > MANY_COLUMNS:
        return None
    lines, quiet = _Lines(text, grid.delimiter, head, width), FindingLog()
    if lines.rows < MANY_LINES:
        return None
    part = out.with_name(f".{out.name}.part")
    try:
        sample = _sampled(db, lines, folder, quiet)
        plans = plan_by_sample(db, sample, dictionary, quiet) if sample else None
        if sample is None or plans is None or not _written(db, lines, plans, part):
            return None
        if numbered:
            _number(db, part, folder / "numbered.parquet", len(plans))
            part = folder / "numbered.parquet"
    except (InputRefused, duckdb.Error):  # the careful path says what is wrong
        part.unlink(missing_ok=True)
        return None
    part.replace(out)
    sample.rows = lines.rows
    columns = _facts(plans, out)
    log.take(quiet)
    return Typed(sample, plans, columns)


# --- the sample -----------------------------------------------------------------------------------------------------


def _sampled(db: duckdb.DuckDBPyConnection, lines: _Lines, folder: Path, log: FindingLog) -> Staged | None:
    """Lines from all over the file, staged as the whole would be; None where the table may end in notes."""
    picked, staged = folder / "sample.csv", folder / "sample.parquet"
    with picked.open("wb") as file:
        count = sum(1 for line in _picked(lines) if file.write(line))
    rows = copy_lines(db, csv_rows(picked, lines.delimiter, 0, lines.width), lines.width, staged)
    if rows != count or rows < FOOTERS_LOOKED_AT:
        return None
    found = named_columns(
        staged, lines.head, lines.width, rows, f"file_row_number + {lines.head.line + 1}", log
    )
    tail = db.execute(
        f"SELECT {', '.join(found.fields)} FROM {table_of(found)} "
        f"WHERE file_row_number >= {rows - FOOTERS_LOOKED_AT} ORDER BY file_row_number"
    ).fetchall()
    notes = footer_length([Record(0, cells) for cells in tail], lines.head.body, lines.width)
    return None if notes else found


def _picked(lines: _Lines) -> Iterator[bytes]:
    """The first records, some from places spread over the file, and the last ones."""
    size = lines.text.path.stat().st_size
    with lines.text.path.open("rb") as file:
        for _ in range(lines.head.line):
            file.readline()
        for _ in range(SAMPLE_ROWS):
            yield file.readline()
            if file.tell() > HEAD_BYTES:
                break
        begins = file.tell()
        for place in range(1, SAMPLED_PLACES + 1):
            last = place == SAMPLED_PLACES
            at = max(begins, (size * place // SAMPLED_PLACES if not last else size - SAMPLED_BYTES))
            if at > begins:
                file.seek(at - 1)
                file.readline()
            chunk = file.read(SAMPLED_BYTES)
            whole = chunk if last else chunk[: chunk.rfind(b"\n") + 1]
            yield from whole.splitlines(keepends=True)


# --- the pass -------------------------------------------------------------------------------------------------------


def _written(db: duckdb.DuckDBPyConnection, lines: _Lines, plans: Sequence[Plan], out: Path) -> bool:
    """Whether the text holds exactly one record in each line; a cell unlike the sample raises duckdb.Error."""
    listed = ", ".join(f"{plan.value} AS {quoted(plan.name)}" for plan in plans)
    records = csv_rows(lines.text.path, lines.delimiter, lines.head.line, lines.width)
    rows = db.execute(
        f"COPY (SELECT {listed} FROM {cells_of(plans, records)}) TO {path_literal(out)} ({_form(lines.width)})"
    ).fetchall()
    if rows[0][0] != lines.rows:
        out.unlink()
        return False
    return True


def _number(db: duckdb.DuckDBPyConnection, table: Path, out: Path, width: int) -> None:
    """Write `table` with the number of each record as its last column."""
    db.execute(
        f"COPY (SELECT * EXCLUDE file_row_number, CAST(file_row_number + 1 AS BIGINT) AS {quoted(ROW_COLUMN)} "
        f"FROM read_parquet({path_literal(table)}, file_row_number = true)) TO {path_literal(out)} ({_form(width)})"
    )
    table.unlink()


def _form(width: int) -> str:
    return f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {rows_per_group(width)}"


def _facts(plans: Sequence[Plan], out: Path) -> list[ColumnFacts]:
    """Nulls as the file's own statistics count them; every other cell was typed."""
    nulls = [0] * len(plans)
    with pq.ParquetFile(out) as written:
        for group in range(written.metadata.num_row_groups):
            held = written.metadata.row_group(group)
            for at in range(len(plans)):
                nulls[at] += held.column(at).statistics.null_count
    return [
        ColumnFacts(name=p.name, type=p.kind, nulls=n, header=p.header, declared=p.declared is not None)
        for p, n in zip(plans, nulls, strict=True)
    ]
