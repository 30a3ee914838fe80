"""What a look at a table shows: rows as typed, and what a person should look at beside them."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from datasets.intake.facts import ColumnFacts, Finding, InputFacts

MOST_ROWS: Final = 200
Cell = str | int | float | bool | None


class PreviewRow(BaseModel):
    """One record as typed; `row` counts records from 1, `line` lines of the file where that is known; `member`: where several
    members of an archive are one table."""

    row: int
    line: int | None
    member: str | None = None
    cells: list[Cell]


class TablePreview(BaseModel):
    """A table to look at. `suspicious` holds the first few hundred of `suspicious_total`, searched for in `looked_at` rows."""

    rows: int
    columns: list[ColumnFacts]
    first: list[PreviewRow]
    last: list[PreviewRow]
    suspicious: list[Finding]
    suspicious_total: int
    looked_at: int | None


class FilePreview(TablePreview):
    """A file to look at that nobody handed in; `input` says how it was read."""

    input: InputFacts
