"""Tables as files that people open in spreadsheets: CSV and XLSX, with nothing in them that a spreadsheet would run.

Why this exists: a cell that begins with `=` or its like is run as a formula, wherever the file is saved to afterwards; names
of organisations and notes come from outside. The same tables give the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MADE: Final = datetime(2026, 1, 1, tzinfo=UTC)  # not the time: equal tables are equal files
_LONGEST: Final = 32_767  # characters that a cell holds


class Sheet(NamedTuple):
    """One table: its name, the heads of its columns, and its rows of texts and numbers."""

    name: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Any]]


def safe(value: Any) -> Any:  # noqa: ANN401 - a cell
    """A cell's value that no spreadsheet runs; numbers stay numbers, times become ISO texts."""
    if value is None or isinstance(value, bool | int | float):
        return "" if value is None else value
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(_STARTS) else text


def csv_of(sheet: Sheet) -> Iterator[bytes]:
    """The table as CSV in UTF-8 with a byte-order mark, piece by piece."""
    yield "\N{BYTE ORDER MARK}".encode()
    held = io.StringIO()
    out = csv.writer(held, lineterminator="\r\n")
    out.writerow([safe(head) for head in sheet.heads])
    for number, row in enumerate(sheet.rows, 1):
        out.writerow([safe(value) for value in row])
        if number % 1000 == 0:
            yield held.getvalue().encode()
            held.seek(0)
            held.truncate()
    yield held.getvalue().encode()


def xlsx_of(sheets: Sequence[Sheet]) -> bytes:
    """The tables as one workbook, a sheet each, the heads bold and held in place."""
    import xlsxwriter

    buffer = io.BytesIO()
    options = {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
    }  # fmt: skip
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"created": _MADE.replace(tzinfo=None)})
        bold = book.add_format({"bold": True, "bottom": 1})
        for sheet in sheets:
            page = book.add_worksheet(sheet.name[:31])
            page.freeze_panes(1, 0)
            for place, head in enumerate(sheet.heads):
                page.write_string(0, place, str(safe(head)), bold)
                page.set_column(place, place, max(12, min(40, 2 * len(str(head)))))
            for number, row in enumerate(sheet.rows, 1):
                for place, value in enumerate(row):
                    _write(page, number, place, safe(value))
    return buffer.getvalue()


def _write(page: Any, row: int, column: int, value: Any) -> None:  # noqa: ANN401 - a worksheet, a cell
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53:
        page.write_number(row, column, value)
    elif value != "":
        page.write_string(row, column, str(value)[:_LONGEST])
