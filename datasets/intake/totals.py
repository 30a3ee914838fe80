"""Rows of totals at the end of a table (合计, 总计, 小计): kept, as everything is, and named, since sums count twice."""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb

from core.text import Text
from datasets.intake.casts import quoted, text_literal
from datasets.intake.facts import FindingLog
from datasets.intake.staging import Staged
from datasets.intake.table import table_of

ROWS_LOOKED_AT: Final = 3
COLUMNS_LOOKED_AT: Final = 3
WORDS: Final = re.compile(
    r"(本页|本表|全区|全市|全年|年度|本月)?(合计|合計|总计|總計|小计|小計|共计|共計|总和|累计)数?([:：(（].*)?"
    r"|(grand\s*|sub\s*-?)?total(s)?:?",
    re.I,
)


def report(
    db: duckdb.DuckDBPyConnection, table: Path, texts: Sequence[str], staged: Staged, log: FindingLog
) -> None:
    """Name the totals among the last rows of the typed `table`. texts: its text columns in order, by name."""
    listed = ", ".join(quoted(name) for name in texts[:COLUMNS_LOOKED_AT])
    if not listed:
        return
    last = f">= {staged.rows - ROWS_LOOKED_AT}"
    if len(staged.ends) > 1:  # several members: the last rows of each
        rows = {row for end in staged.ends for row in range(max(0, end - ROWS_LOOKED_AT), end)}
        last = f"IN (SELECT unnest({sorted(rows)}))"
    tail = db.execute(
        f"SELECT file_row_number + 1, {listed} FROM read_parquet({text_literal(str(table))}, file_row_number = true) "
        f"WHERE file_row_number {last} ORDER BY file_row_number DESC"
    ).fetchall()
    ends, is_end = set(staged.ends), True
    for row, *cells in tail:
        if not (is_end := is_end or row in ends):
            continue
        word = next((cell for cell in cells if isinstance(cell, str) and cell and _is_total(cell)), None)
        is_end = word is not None
        if word is not None:
            _report(row, _line(db, staged, row), word.strip(), log)


def _line(db: duckdb.DuckDBPyConnection, staged: Staged, row: int) -> int | None:
    """The source line of a record; a line that is counted needs no look into the staged file."""
    if staged.line is None:
        return None
    counted = "file_row_number" in staged.line
    source = f"(SELECT {row - 1} AS file_row_number)" if counted else table_of(staged)
    found = db.execute(f"SELECT {staged.line} FROM {source} WHERE file_row_number = {row - 1}").fetchone()
    return int(found[0]) if found and found[0] is not None else None


def _is_total(cell: str) -> bool:
    return (
        WORDS.fullmatch(re.sub(r"[\s\u3000]+", "", cell)) is not None
        or WORDS.fullmatch(cell.strip()) is not None
    )


def _report(row: int, line: int | None, word: str, log: FindingLog) -> None:
    where = Text(f"第 {line} 行", f"Line {line}") if line else Text(f"第 {row} 条记录", f"Record {row}")
    log.add(
        "totals-row",
        Text(
            f"{where.zh}像是“{word[:40]}”行，已作为记录保留；如它是汇总，请让来源单位删去，否则求和会重复。",
            f"{where.en} looks like a row of totals (“{word[:40]}”) and is kept as a record; if it sums the others up, ask "
            "the source to leave it out, or sums will count twice.",
        ),
        row=row,
        line=line,
        value=word,
    )
