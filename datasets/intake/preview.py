"""The first and last rows of a typed table as typed, with what a person should look at beside them."""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import math
import tempfile
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import duckdb

from datasets.intake.container import demand_file
from datasets.intake.dictionary import Dictionary
from datasets.intake.facts import ROW_COLUMN, Finding, Intake
from datasets.intake.looks import MOST_ROWS, Cell, FilePreview, PreviewRow, TablePreview
from datasets.intake.reader import Progress, read_table
from datasets.intake.table import path_literal

CELL_CHARS: Final = 500
MEMORY_MB: Final = 256
SUSPICIOUS: Final = frozenset(
    {
        "untyped-cell",
        "unknown-code",
        "column-renamed",
        "error-cell",
        "malformed-quotes",
        "too-many-cells",
        "too-few-cells",
    }
)


def preview_of(table: Path, intake: Intake, count: int) -> TablePreview:
    """The first and last `count` rows of a typed table, with what the reading said of it."""
    shift = intake.look.line_shift if intake.look else None
    first, last = _rows(table, intake.rows, min(count, MOST_ROWS), shift)
    for each in (*first, *last):
        each.member = intake.input.member_of(each.row)
    noticed = [finding for finding in intake.findings if finding.code in SUSPICIOUS]
    seen = intake.look
    return TablePreview(
        rows=intake.rows,
        columns=intake.columns,
        first=first,
        last=last,
        suspicious=[*noticed, *(seen.cells if seen else [])],
        suspicious_total=_noticed_total(intake, noticed) + (seen.total if seen else 0),
        looked_at=seen.rows if seen else None,
    )


def _noticed_total(intake: Intake, noticed: list[Finding]) -> int:
    """Untyped cells are counted to the last one, of other findings only those that were kept."""
    untyped = sum(finding.code == "untyped-cell" for finding in noticed)
    return len(noticed) - untyped + max(untyped, intake.untyped_cells)


def preview_file(
    source: Path, dictionary: Dictionary, count: int, on_progress: Progress | None = None
) -> FilePreview:
    """Read a local file and look at it; nothing is kept. Raises InputRefused."""
    demand_file(source)
    with tempfile.TemporaryDirectory(prefix="datagrant-preview-") as folder:
        table = Path(folder) / "table.parquet"
        intake = read_table(source, table, dictionary=dictionary, look=True, on_progress=on_progress)
        intake.input.path = str(source)
        seen = preview_of(table, intake, count)
    return FilePreview.model_validate(seen.model_dump() | {"input": intake.input})


def _rows(table: Path, rows: int, count: int, shift: int | None) -> tuple[list[PreviewRow], list[PreviewRow]]:
    with duckdb.connect(config={"memory_limit": f"{MEMORY_MB}MB", "threads": 1}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("SET enable_progress_bar = false")
        source = f"read_parquet({path_literal(table)}, file_row_number = true)"
        query = (
            f"SELECT file_row_number, * EXCLUDE (file_row_number) FROM {source} "
            "WHERE file_row_number BETWEEN ? AND ? ORDER BY file_row_number"
        )

        def between(begin: int, end: int) -> list[PreviewRow]:
            found = db.execute(query, [begin, end])
            kept = [i for i, column in enumerate(found.description or []) if i and column[0] != ROW_COLUMN]
            return [_row(each, kept, shift) for each in found.fetchall()]

        return between(0, count - 1), between(max(count, rows - count), rows - 1)


def _row(values: tuple[Any, ...], kept: list[int], shift: int | None) -> PreviewRow:
    row = int(values[0]) + 1
    line = None if shift is None else row + shift
    return PreviewRow(row=row, line=line, cells=[_cell(values[i]) for i in kept])


def _cell(value: object) -> Cell:
    """A typed value as JSON has it; dates in ISO form, long texts cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    text = str(value) if isinstance(value, str | Decimal) else repr(value)
    return text if len(text) <= CELL_CHARS else text[: CELL_CHARS - 1] + "…"
