"""A grid of text cells becomes a Parquet of text columns, the ground on which types are tried.

Delimited text that is regular goes through DuckDB's reader; the result counts only when it holds exactly
one record per line, else the careful reader of `delimited` does the work.
"""

# ruff: noqa: S608 - identifiers and literals are quoted by our own functions
from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import InputRefused
from core.text import Text, number_of
from datasets.intake.delimited import Delimited
from datasets.intake.encodings import Utf8Text
from datasets.intake.facts import MAX_COLUMNS, FindingLog
from datasets.intake.header_rows import told
from datasets.intake.layout import (
    FOOTERS_LOOKED_AT,
    SAMPLE_RECORDS,
    Record,
    clean_name,
    column_names,
    filled,
    find_header,
    footer_length,
)

BATCH_CELLS: Final = 200_000
SAMPLE_CELLS: Final = 1_000_000
GROUP_CELLS: Final = 8_000_000
BATCH_CHARS: Final = 16 << 20
LINE: Final = "line"
FILLED: Final = ("…",)  # stands for each cell of a record that cannot be a footer


class Grid(Protocol):
    """Records of text cells; `records` starts from the top each time it is called."""

    blank_lines: int

    def records(self, *, report: bool = False) -> Iterator[Record]: ...


@dataclass(slots=True)
class Staged:
    """Text (or, for `native`, already typed) columns in a Parquet file.

    fields: the columns' names inside the file, headers: what the source calls them, same order.
    line: SQL over the file's columns and `file_row_number` that gives the source line, or None.
    places: where else a document holds records at the same depth, with their number; the place read comes first.
    member: the column that names each record's member, where several are one table; ends: the number of each one's last record.
    """

    path: Path
    fields: list[str]
    headers: list[str]
    rows: int
    line: str | None = None
    header_line: int | None = None
    empty_is_null: bool = True
    native: dict[str, str] = field(default_factory=dict)
    crs: str | None = None
    places: dict[str, int] = field(default_factory=dict)
    member: str | None = None
    ends: tuple[int, ...] = ()


@dataclass(slots=True)
class Head:
    """What the top of the grid says: the header's line and cells, the records below, and all of the sample."""

    line: int
    cells: Sequence[str | None]
    body: list[Record]
    sample: list[Record] = field(default_factory=list)


def read_head(
    grid: Grid,
    header_line: int | None,
    log: FindingLog,
    known: Collection[str] = (),
    *,
    header_rows: int | None = None,
) -> Head:
    """Find the header (or take it as told) and report the lines above it. known: names that it may carry.

    header_rows: how many lines, `header_line` being the last, make up the header.
    """
    above = (header_rows or 1) - 1
    if above and not (header_line and above < header_line):
        raise _rows_without_line()
    sample = _sample(grid, (header_line or 0) + SAMPLE_RECORDS)
    if not any(filled(record.cells) for record in sample):
        raise InputRefused(
            Text(
                "文件里没有内容，只有空行；请检查导出后重新提交。",
                "The file holds only blank lines; check the export and hand it in again.",
            )
        )
    if header_line is None:
        at = find_header(sample, known)
    elif header_line == 0:
        at = None
    else:
        at = next((i for i, record in enumerate(sample) if record.line == header_line), -1)
        if at < 0:
            raise InputRefused(
                Text(
                    f"第 {header_line} 行没有表头（该行为空或不存在）；请改正数据字典的 header_line。",
                    f"There is no header in line {header_line}; correct `header_line` in the dictionary.",
                )
            )
    first = at or 0
    while above and first and sample[first - 1].line >= (header_line or 0) - above:
        first -= 1
    for record in sample[:first]:
        _report_title(record, log)
    body = sample if at is None else sample[at + 1 :]
    if not any(filled(record.cells) for record in body):
        raise _no_records(sample[at or 0])
    if at is None:
        return Head(0, (), body, sample)
    cells: Sequence[str | None] = sample[at].cells
    if above:
        cells = told([record.cells for record in sample[first : at + 1]])
        _report_told(sample[first].line, sample[at].line, cells, log)
    return Head(sample[at].line, cells, body, sample)


def _rows_without_line() -> InputRefused:
    return InputRefused(
        Text(
            "表头有几行（header_rows）须与表头最后一行的行号（header_line）一起指明，且不得超出文件开头；请补上或改正。",
            "`header_rows` goes with `header_line`, the last line of the header, and cannot reach above the first line; "
            "say or correct it.",
        )
    )


def _report_told(first: int, last: int, names: Sequence[str | None], log: FindingLog) -> None:
    log.add(
        "header-joined",
        Text(
            f"按指定，第 {first} 至 {last} 行合为一个表头。",
            f"As told, lines {first} to {last} are one header.",
        ),
        line=last,
        value=" | ".join(name or "" for name in names),
    )


def _sample(grid: Grid, wanted: int) -> list[Record]:
    """The first records, fewer when they are so large that they would not fit in memory."""
    sample: list[Record] = []
    cells = chars = 0
    for record in islice(grid.records(), wanted):
        sample.append(record)
        cells += len(record.cells)
        chars += sum(len(cell) for cell in record.cells if cell)
        if len(sample) > 1 and (cells > SAMPLE_CELLS or chars > BATCH_CHARS):
            break
    return sample


def _report_title(record: Record, log: FindingLog) -> None:
    log.add(
        "title-line",
        Text(
            f"第 {record.line} 行在表头之上，不作为数据。",
            f"Line {record.line} stands above the header and is not part of the table.",
        ),
        line=record.line,
        value=_shown(record),
    )


def _shown(record: Record) -> str:
    return " | ".join(cell.strip() for cell in record.cells if cell and cell.strip())


def _no_records(header: Record) -> InputRefused:
    names = ", ".join(name for cell in header.cells[:5] if (name := clean_name(cell))) or "…"
    return InputRefused(
        Text(
            f"文件只有表头（第 {header.line} 行：{names}），没有数据行；请检查导出后重新提交。",
            f"The file has only a header (line {header.line}: {names}) and no records; "
            "check the export and hand it in again.",
        )
    )


def stage_text(
    db: duckdb.DuckDBPyConnection, text: Utf8Text, grid: Delimited, head: Head, folder: Path, log: FindingLog
) -> Staged:
    """Stage delimited text: by DuckDB when each line is one record, record by record otherwise."""
    width = len(head.cells) or max(len(r.cells) for r in head.body)
    if is_regular(text, grid, head, width):
        out, lines = folder / "staged.parquet", text.newlines + (0 if text.ends_with_newline else 1)
        rows = copy_lines(db, csv_rows(text.path, str(grid.delimiter), head.line, width), width, out)
        if rows is not None and rows == lines - head.line:
            staged = named_columns(out, head, width, rows, f"file_row_number + {head.line + 1}", log)
            _cut_footers(db, staged, head, log)
            return staged
    return stage_grid(grid, head, folder, log)


def is_regular(text: Utf8Text, grid: Delimited, head: Head, width: int) -> bool:
    """Whether, as far as the top of the file tells, each line is one record of `width` cells."""
    return (
        text.plain_newlines
        and grid.delimiter is not None
        and grid.quote == '"'
        and 1 < width <= MAX_COLUMNS
        and head.body[0].line == head.line + 1
        and all(len(r.cells) == width for r in head.body)
    )


def csv_rows(path: Path, delimiter: str, skip: int, width: int) -> str:
    """SQL of the records of delimited text as text columns c0, c1, …; one malformed record ends the query with an error."""
    columns = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width))
    return (
        f"read_csv('{_quoted(path)}', delim = '{_quoted(delimiter)}', quote = '\"', escape = '\"', "
        f"header = false, skip = {skip}, columns = {{{columns}}}, auto_detect = false, strict_mode = true, "
        "null_padding = false, ignore_errors = false)"
    )


def copy_lines(db: duckdb.DuckDBPyConnection, records: str, width: int, out: Path) -> int | None:
    """Stage what `csv_rows` reads; the number of records, or None when DuckDB finds one of them malformed."""
    try:
        found = db.execute(
            f"COPY (SELECT * FROM {records}) TO '{_quoted(out)}' "
            f"(FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE {rows_per_group(width)})"
        ).fetchall()
    except duckdb.Error:
        return None
    return int(found[0][0])


def _quoted(text: Path | str) -> str:
    return str(text).replace("'", "''")


def named_columns(path: Path, head: Head, width: int, rows: int, line: str, log: FindingLog) -> Staged:
    names = column_names(head.cells, width, head.line or None, log)
    return Staged(path, [f"c{i}" for i in range(width)], names, rows, line, head.line)


def _cut_footers(db: duckdb.DuckDBPyConnection, staged: Staged, head: Head, log: FindingLog) -> None:
    tail = db.execute(
        f"SELECT {staged.line}, {', '.join(staged.fields)} FROM read_parquet(?, file_row_number = true) "
        "WHERE file_row_number >= ? ORDER BY file_row_number",
        [str(staged.path), max(0, staged.rows - FOOTERS_LOOKED_AT)],
    ).fetchall()
    records = [Record(row[0], row[1:]) for row in tail]
    length = footer_length(records, head.body, len(staged.fields))
    _report_footers(records[len(records) - length :], log)
    staged.rows -= length


def _report_footers(records: Sequence[Record], log: FindingLog) -> None:
    for record in records:
        log.add(
            "footer-line",
            Text(
                f"第 {record.line} 行在表格之下，不作为数据。",
                f"Line {record.line} stands below the table and is not part of it.",
            ),
            line=record.line,
            value=_shown(record) or None,
        )


def stage_grid(grid: Grid, head: Head, folder: Path, log: FindingLog) -> Staged:
    """Stage any grid in two passes: measure it, then write it."""
    width, rows, tail = len(head.cells), 0, deque[Record](maxlen=FOOTERS_LOOKED_AT)
    _refuse_wide(width)
    for record in _below(grid.records(), head):
        rows += 1
        cells = record.cells
        full = len(cells) > 1 and 2 * len(cells) > width and cells[0] and cells[1]
        tail.append(Record(record.line, FILLED * len(cells)) if full else record)
        if len(record.cells) > width:
            width = max(width, _last_filled(record.cells))
            _refuse_wide(width)
    blank = grid.blank_lines  # of the whole grid: the second pass ends with the last record
    footers = footer_length(list(tail), head.body, width)
    staged = named_columns(folder / "staged.parquet", head, width, rows - footers, LINE, log)
    with StageWriter(staged.path, width) as writer:
        kept = islice(_below(grid.records(report=True), head), staged.rows)
        for row, record in enumerate(kept, 1):
            if len(record.cells) != (len(head.cells) or width):
                _report_ragged(record, row, len(head.cells) or width, log)
            writer.write(record.cells, record.line)
    _report_footers(list(tail)[len(tail) - footers :], log)
    if blank:
        log.add(
            "blank-lines",
            Text(f"跳过了 {blank} 个空行。", f"{number_of(blank, 'blank lines were')} skipped."),
        )
    return staged


def _refuse_wide(width: int) -> None:
    if width > MAX_COLUMNS:
        raise InputRefused(
            Text(
                f"表有 {width} 列，上限是 {MAX_COLUMNS} 列；请改成长表后重新提交。",
                f"The table has {number_of(width, 'columns')}, the limit is {MAX_COLUMNS}; hand it in as a long table.",
            )
        )


def rows_per_group(width: int) -> int:
    """Rows of a Parquet row group, so that a group of a wide table still fits in memory."""
    return max(2_048, min(122_880, GROUP_CELLS // max(1, width)))


def _below(records: Iterator[Record], head: Head) -> Iterator[Record]:
    return (record for record in records if record.line > head.line)


def _last_filled(cells: Sequence[str | None]) -> int:
    return max((i + 1 for i, cell in enumerate(cells) if cell and not cell.isspace()), default=0)


def _report_ragged(record: Record, row: int, width: int, log: FindingLog) -> None:
    if len(record.cells) < width:
        log.add(
            "too-few-cells",
            Text(
                f"第 {record.line} 行只有 {len(record.cells)} 格，应有 {width} 格；缺的记为空。",
                f"Line {record.line} has {number_of(len(record.cells), 'cells')} instead of {width}; the rest is empty.",
            ),
            row=row,
            line=record.line,
        )
    elif extra := [cell for cell in record.cells[width:] if cell and not cell.isspace()]:
        log.add(
            "too-many-cells",
            Text(
                f"第 {record.line} 行有 {len(record.cells)} 格，多于表头的 {width} 格；多出的放在末尾的列里。",
                f"Line {record.line} has {number_of(len(record.cells), 'cells')}, more than the header's {width}; "
                "the surplus is kept in columns at the end.",
            ),
            row=row,
            line=record.line,
            value=" | ".join(extra),
        )


class StageWriter:
    """Writes records as text columns c0, c1, … and the line they came from, in bounded batches."""

    def __init__(self, path: Path, width: int) -> None:
        fields = [pa.field(f"c{i}", pa.string()) for i in range(width)]
        self._schema = pa.schema([*fields, pa.field(LINE, pa.int64())])
        self._writer = pq.ParquetWriter(path, self._schema, compression="lz4")
        self._width = width
        self._rows: list[Sequence[str | None]] = []
        self._lines: list[int | None] = []
        self._chars = 0

    def __enter__(self) -> StageWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def write(self, cells: Sequence[str | None], line: int | None) -> None:
        if len(cells) != self._width:
            cells = [*cells[: self._width], *[None] * (self._width - len(cells))]
        self._rows.append(cells)
        self._lines.append(line)
        self._chars += sum(len(cell) for cell in cells if cell)
        if len(self._rows) * self._width >= BATCH_CELLS or self._chars >= BATCH_CHARS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = [pa.array(column, pa.string()) for column in zip(*self._rows, strict=True)]
            self._writer.write_batch(
                pa.record_batch([*columns, pa.array(self._lines, pa.int64())], schema=self._schema)
            )
        self._rows, self._lines, self._chars = [], [], 0
