"""Correction sheets: failing rows out as a workbook to be corrected (校核); `quality.correcting` takes it back.

The first sheet holds one line per failing row: its key, its source line among the data records, what is wrong, and
all columns with the failing cells marked. The second holds the rules. Cells that a spreadsheet would run as a
formula are defused with a leading apostrophe; reading back takes it away. Columns that no cell can hold (geometry,
lists, very long texts) are left out and stay as they are.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from quality.correcting import apply_correction
from quality.kinds import Kind, kind_of
from quality.marks import PROPERTY
from quality.sheet import DATA_SHEET, FAULT_TITLE, HEADER_LINES, KEY_TITLE, ROW, RULE_SHEET, defused
from quality.verdict import Outcome, Verdict
from quality.vocabulary import TYPES, Shape
from quality.wording import describe, severity_name

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS: Final = 50_000
_MARK: Final = {"bg_color": "#FFD9CC"}
_EXACT_DIGITS: Final = 15  # what a spreadsheet keeps of a number
_CELL_LENGTH: Final = 32_767
_KEYS_SHOWN: Final = 10
Words = Mapping[str, Mapping[str, str]]
__all__ = ["apply_correction", "build"]


def build(table: Path, verdict: Verdict, words: Words | None = None, *, batch_id: str | None = None) -> bytes:
    """The workbook for the rows that `verdict` refused in `table`, as XLSX bytes.

    batch_id: written into the file, so that it is known when it comes back (`quality.marks`).
    words: per column what the dictionary says (`title_zh`, `title_en`, `unit`); shown under the column's name.
    At most MAX_ROWS rows; the rule sheet says how many each rule refused in all.
    """
    import xlsxwriter

    failing = _failing(verdict)
    rows = rows_of(table, sorted(failing)[:MAX_ROWS])
    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(buffer, options) as book:
        if batch_id:
            book.set_custom_property(PROPERTY, batch_id)
        _data_sheet(book, rows, failing, verdict, words or {})
        _rule_sheet(book, verdict)
    return buffer.getvalue()


def _failing(verdict: Verdict) -> dict[int, list[int]]:
    """Places of the failed rules by row key."""
    failing: dict[int, list[int]] = {}
    for place, outcome in enumerate(verdict.expectations):
        if outcome.outcome == "failed":
            for row in outcome.failing_rows:
                failing.setdefault(row, []).append(place)
    return failing


def columns_of(outcome: Outcome) -> list[str]:
    """The columns a rule looks at; empty for a query of the suite's own."""
    spec = TYPES[outcome.type]
    if spec.shape is Shape.QUERY:
        return []
    return spec.columns(outcome.kwargs)


def rows_of(table: Path, keys: list[int]) -> pa.Table:
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("wanted", pa.table({"key": pa.array(keys, pa.int64())}))
        if ROW in pq.read_schema(table).names:
            query = f"SELECT * FROM read_parquet(?) WHERE {ROW} IN (SELECT key FROM wanted) ORDER BY {ROW}"  # noqa: S608
        else:
            query = (
                f"SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS {ROW} FROM read_parquet(?, file_row_number = true) "  # noqa: S608
                f"WHERE file_row_number + 1 IN (SELECT key FROM wanted) ORDER BY {ROW}"
            )
        return connection.execute(query, [str(table)]).to_arrow_table()


def _data_sheet(
    book: Any, rows: pa.Table, failing: Mapping[int, list[int]], verdict: Verdict, words: Words
) -> None:
    sheet = book.add_worksheet(DATA_SHEET)
    head = book.add_format({"bold": True, "bg_color": "#DDE6F0", "text_wrap": True, "valign": "top"})
    fixed = book.add_format({"font_color": "#666666", "valign": "top"})
    wrap = book.add_format({"text_wrap": True, "valign": "top", "font_color": "#9C2A10"})
    formats = [
        (book.add_format(shade), book.add_format({**shade, "num_format": "@"})) for shade in ({}, _MARK)
    ]
    names = _editable(rows)
    sheet.freeze_panes(HEADER_LINES, 2)
    sheet.set_column(1, 1, 48)
    for place, (name, title) in enumerate(
        [(KEY_TITLE, ""), (FAULT_TITLE, ""), *((name, _title(words.get(name, {}))) for name in names)]
    ):
        sheet.write_string(0, place, name, head)
        sheet.write_string(1, place, title, head)
    sentences = [describe(outcome) for outcome in verdict.expectations]
    told = _keys_by_row(verdict)
    watched = [set(columns_of(outcome)) for outcome in verdict.expectations]
    for line, record in enumerate(rows.to_pylist(), start=HEADER_LINES):
        key = int(record[ROW])
        sheet.write_number(line, 0, key, fixed)
        faults = failing[key]
        said = "\n".join(
            [
                *told.get(key, []),
                *(f"{place + 1}. {sentences[place].zh} / {sentences[place].en}" for place in faults),
            ]
        )
        sheet.write_string(line, 1, defused(said)[:_CELL_LENGTH], wrap)
        bad = set().union(*(watched[place] for place in faults))
        for column, name in enumerate(names, start=2):
            _write(sheet, line, column, record[name], formats[name in bad])


def _keys_by_row(verdict: Verdict) -> dict[int, list[str]]:
    """By what each failing row is told, as lines of text; rules may use different key columns for one row."""
    told: dict[int, list[str]] = {}
    for outcome in verdict.expectations:
        if outcome.outcome == "failed":
            for row, keys in zip(outcome.failing_rows, outcome.failing_keys, strict=False):
                line = f"主键 Key: {_said(keys)}"
                if line not in told.setdefault(row, []):
                    told[row].append(line)
    return told


def _said(keys: Mapping[str, Any]) -> str:
    """A row's key columns in one line."""
    return ", ".join(f"{name} = {'—' if value is None else value}" for name, value in keys.items())


def _editable(rows: pa.Table) -> list[str]:
    """The columns whose cells a spreadsheet can hold whole."""
    names = [
        field.name for field in rows.schema if field.name != ROW and kind_of(field.type) is not Kind.OTHER
    ]
    return [
        name
        for name in names
        if kind_of(rows.schema.field(name).type) is not Kind.TEXT
        or all(len(text) < _CELL_LENGTH for text in rows[name].to_pylist() if text is not None)
    ]


def _rule_sheet(book: Any, verdict: Verdict) -> None:
    sheet = book.add_worksheet(RULE_SHEET)
    head = book.add_format({"bold": True, "bg_color": "#DDE6F0"})
    titles = (
        "序号 No.", "规则", "Rule", "严重程度 Severity", "问题行数 Failing rows", "类型 Type", "问题行主键（前若干行） Keys of the first failing rows",
    )  # fmt: skip
    for place, title in enumerate(titles):
        sheet.write_string(0, place, title, head)
    sheet.set_column(1, 2, 60)
    failed = [(place, each) for place, each in enumerate(verdict.expectations) if each.outcome == "failed"]
    for line, (place, outcome) in enumerate(failed, start=1):
        said, level = describe(outcome), severity_name(outcome.severity)
        cells = (
            said.zh,
            said.en,
            f"{level.zh} / {level.en}",
            str(outcome.unexpected_count or ""),
            outcome.type,
            "; ".join(map(_said, outcome.failing_keys[:_KEYS_SHOWN])),
        )
        sheet.write_number(line, 0, place + 1)
        for column, cell in enumerate(cells, start=1):
            sheet.write_string(line, column, defused(cell)[:_CELL_LENGTH])


def _title(words: Mapping[str, str]) -> str:
    titles = [words[key] for key in ("title_zh", "title_en") if words.get(key)]
    return " / ".join(titles) + (f" ({words['unit']})" if words.get("unit") else "")


def _write(sheet: Any, line: int, column: int, value: Any, formats: tuple[Any, Any]) -> None:
    """Numbers as numbers while a spreadsheet keeps them exact, all else as text."""
    as_number, as_text = formats
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and _is_exact(value):
        sheet.write_number(line, column, value, as_number)
    else:
        sheet.write_string(line, column, defused(_text(value)), as_text)


def _is_exact(value: float | Decimal) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return len(str(value).strip("-").replace(".", "")) <= _EXACT_DIGITS


def _text(value: Any) -> str:
    """A cell as text that reads back to the same value; empty for a missing one."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.isoformat(sep=" ")) if hasattr(value, "hour") and hasattr(value, "year") else str(value)
