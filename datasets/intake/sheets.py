"""Workbooks (XLSX, XLS, ODS): which sheet holds the table, and its cells as text.

Why this exists: the workbook library lays a sheet out as a dense grid, so two cells far apart cost
gigabytes; and it gives error cells as empty ones. Both are looked up in the sheet's own XML first.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from core.errors import InputRefused
from core.text import Text, number_of
from datasets.intake.compound import leads_in_a_circle
from datasets.intake.facts import FindingLog
from datasets.intake.header_rows import ROWS_LOOKED_AT, Joined, join
from datasets.intake.layout import Record, filled

MAX_CELLS: Final = 12_000_000
CHUNK: Final = 4 << 20
REFERENCE: Final = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"')
ERROR: Final = re.compile(
    rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*?\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*>.*?<(?:\w+:)?v>([^<]*)<', re.S
)
ODS_TOKEN: Final = re.compile(rb"<table:(table-row|table-cell|covered-table-cell)\b([^>]*)>")
ODS_REPEAT: Final = re.compile(rb'number-(?:rows|columns)-repeated="([0-9]{1,9})"')
OFFICE: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

Cell = float | str | bool | time | date | datetime | timedelta | None


class Sheet:
    """The records of one sheet; rows that hold nothing are counted as blank lines.

    Rows become Python values one at a time. Empty columns left of the table are not part of it. A header of several
    rows that merged cells prove (`joined`) comes as one record, at the place of its last row.
    sizes: the visible sheets with how much each holds, where the sheet was chosen by rule.
    """

    def __init__(self, name: str, cells: CalamineSheet) -> None:
        self.name = name
        self.blank_lines = 0
        self.sizes: dict[str, int] = {}
        self.joined: Joined | None = None
        self._cells = cells

    def join_header(self) -> Joined | None:
        """Look for a header of several rows; from now on it is one record."""
        left = (self._cells.start or (0, 0))[1]
        merged = [
            ((top, first - left), (bottom, last - left))
            for (top, first), (bottom, last) in self._cells.merged_cell_ranges or []
        ]
        if merged:
            top = [[_text(cell) for cell in row] for row in islice(self._cells.iter_rows(), ROWS_LOOKED_AT)]
            self.joined = join(top, merged)
        return self.joined

    def records(self, *, report: bool = False) -> Iterator[Record]:
        del report  # a sheet has no malformed records
        self.blank_lines = 0
        header = self.joined
        for number, row in enumerate(self._cells.iter_rows(), 1):
            if header is not None and header.first < number <= header.last:
                continue
            cells = [_text(cell) for cell in row]
            if header is not None and number == header.last + 1:
                yield Record(number, header.names)
            elif filled(cells):
                yield Record(number, cells)
            else:
                self.blank_lines += 1


def open_sheet(
    path: Path, kind: str, wanted: str | int | None, log: FindingLog, header_line: int | None = None
) -> Sheet:
    """The sheet asked for (by name, or by number from 1), else the first visible one with cells.

    header_line: the row that is the header by the dictionary; then rows are not joined.
    """
    if leads_in_a_circle(path):
        raise _damaged()
    try:
        with CalamineWorkbook.from_path(path) as book:
            sheet = _open(book, path, kind, wanted, log)
            if header_line is None and (header := sheet.join_header()):
                _report_joined(header, log)
            return sheet
    except PasswordError as error:
        raise InputRefused(
            Text(
                "工作簿有密码保护，无法读取；请取消密码后重新提交。",
                "The workbook is protected by a password; remove the password and hand it in again.",
            )
        ) from error
    except InputRefused:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise _damaged() from error


def _damaged() -> InputRefused:
    return InputRefused(
        Text(
            "工作簿已损坏或不完整，无法打开；请用表格软件重新另存后提交。",
            "The workbook is damaged or cut off and cannot be opened; save it anew and hand it in again.",
        )
    )


def _report_joined(header: Joined, log: FindingLog) -> None:
    first, last = header.first + 1, header.last + 1
    shown = ", ".join([name for name in header.names if "_" in name][:3])
    log.add(
        "header-joined",
        Text(
            f"第 {first} 至 {last} 行合为一个表头（依据合并单元格，确定）：{shown} …；如不是，请在数据字典中指明 header_line。",
            f"Rows {first} to {last} are one header (certain, by its merged cells): {shown} …; "
            "name the row as `header_line` in the dictionary if it is not.",
        ),
        line=last,
        value=" | ".join(header.names),
    )


def _open(book: CalamineWorkbook, path: Path, kind: str, wanted: str | int | None, log: FindingLog) -> Sheet:
    names = [s.name for s in book.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet]
    parts = _xlsx_parts(path) if kind == "xlsx" else {}
    if kind == "ods":
        _refuse_wide_ods(path)
    if wanted is not None:
        name = _named(names, wanted)
        return _read(book, path, name, parts.get(name), log)
    hidden = {s.name for s in book.sheets_metadata if s.visible != SheetVisibleEnum.Visible}
    chosen: Sheet | None = None
    others: list[str] = []
    for name in names:
        if name in hidden:
            continue
        if chosen is None:
            sheet = _read(book, path, name, parts.get(name), log)
            chosen = sheet if any(True for _ in sheet.records()) else None
        else:
            others.append(name)
    if chosen is None:
        raise _no_cells(names)
    if others:
        chosen.sizes = _sizes(book, path, [chosen.name, *others], parts)
        log.add(
            "other-sheets",
            Text(
                f"读取了工作表“{chosen.name}”；另有：{', '.join(others)}。如需其他表，请在数据字典的 sheet 中指明。",
                f"The sheet “{chosen.name}” was read; there are also: {', '.join(others)}. "
                "Name another one as `sheet` in the dictionary.",
            ),
        )
    return chosen


def _sizes(book: CalamineWorkbook, path: Path, names: list[str], parts: dict[str, str]) -> dict[str, int]:
    """How much each sheet holds: bytes of its XML in XLSX, cells elsewhere; good for comparing alone."""
    if parts:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.getinfo(parts[name]).file_size if name in parts else 0 for name in names}
    sheets = {name: book.get_sheet_by_name(name) for name in names}
    return {name: sheet.total_height * sheet.total_width for name, sheet in sheets.items()}


def _no_cells(names: list[str]) -> InputRefused:
    return InputRefused(
        Text(
            f"工作簿的可见工作表（{', '.join(names)}）里没有内容；请检查后重新提交。",
            f"The visible sheets of the workbook ({', '.join(names)}) hold nothing; "
            "check them and hand it in again.",
        )
    )


def _named(names: list[str], wanted: str | int) -> str:
    if wanted in names:
        return str(wanted)
    if str(wanted).isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    raise InputRefused(
        Text(
            f"工作簿里没有工作表 {wanted}；有：{', '.join(names)}（序号从 1 起）。",
            f"The workbook has no sheet {wanted}; it has: {', '.join(names)} (numbers begin at 1).",
        )
    )


def _read(book: CalamineWorkbook, path: Path, name: str, part: str | None, log: FindingLog) -> Sheet:
    if part is not None:
        _survey_xlsx(path, part, name, log)
    return Sheet(name, book.get_sheet_by_name(name))


def _text(cell: Cell) -> str | None:
    """A cell as the text a person would type: 12 for 12.0, ISO for dates, None for nothing."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, timedelta):
        seconds = int(cell.total_seconds())
        return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)


def _xlsx_parts(path: Path) -> dict[str, str]:
    """Which archive member holds which sheet; empty when the workbook is of a binary kind."""
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
            return {}
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    targets = {link.get("Id"): (link.get("Target") or "") for link in links}
    parts = {}
    for sheet in book.iter():
        if sheet.tag.endswith("}sheet"):
            target = targets.get(sheet.get(OFFICE), "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if part in names:
                parts[sheet.get("name") or ""] = part
    return parts


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _survey_xlsx(path: Path, part: str, name: str, log: FindingLog) -> None:
    """Refuse a sheet too large to lay out, and report its error cells, from the XML itself."""
    last_row = last_column = 0
    letters: set[bytes] = set()
    with zipfile.ZipFile(path) as archive, archive.open(part) as xml:
        rest = b""
        while chunk := xml.read(CHUNK):
            text = rest + chunk
            cut = text.rfind(b"<c ")
            text, rest = (text, b"") if cut < 0 else (text[:cut], text[cut:])
            last_row = max(last_row, _note_cells(text, name, letters, log))
        last_row = max(last_row, _note_cells(rest, name, letters, log))
    last_column = max((_column_number(each) for each in letters), default=0)
    if last_row * last_column > MAX_CELLS:
        raise InputRefused(
            Text(
                f"工作表“{name}”展开后有 {last_row} 行 × {last_column} 列，超过 {MAX_CELLS} 格；请删除远处的空白格，或改用 CSV 提交。",
                f"The sheet “{name}” spans {number_of(last_row, 'rows')} × {number_of(last_column, 'columns')}, more than {MAX_CELLS} "
                "cells; clear stray cells far from the table, or hand it in as CSV.",
            )
        )


def _note_cells(xml: bytes, sheet: str, letters: set[bytes], log: FindingLog) -> int:
    last = 0
    for column, row in REFERENCE.findall(xml):
        letters.add(column)
        last = max(last, int(row))
    if b't="e"' in xml:
        for column, row, value in ERROR.findall(xml):
            where, error = f"{column.decode()}{row.decode()}", value.decode("utf-8", "ignore")
            log.add(
                "error-cell",
                Text(
                    f"工作表“{sheet}”的 {where} 是公式错误 {error}，记为空。",
                    f"Cell {where} of the sheet “{sheet}” is the formula error {error}; taken as empty.",
                ),
                line=int(row),
                column=column.decode(),
                value=error,
            )
    return last


def _refuse_wide_ods(path: Path) -> None:
    """ODS repeats rows and cells by number; refuse when the filled ones would not fit in memory."""
    total = rows = pending = 0
    with zipfile.ZipFile(path) as archive, archive.open("content.xml") as xml:
        rest = b""
        while chunk := xml.read(CHUNK):
            text = rest + chunk
            cut = text.rfind(b"<")
            text, rest = text[:cut], text[cut:]
            for tag, attributes in ODS_TOKEN.findall(text):
                found = ODS_REPEAT.search(attributes)
                times = int(found.group(1)) if found else 1
                if tag == b"table-row":
                    rows, pending = times, 0
                    continue
                pending += times
                if b"value-type" in attributes:
                    total, pending = total + rows * pending, 0
    if total > MAX_CELLS:
        raise InputRefused(
            Text(
                f"工作表展开后有 {total} 格，超过 {MAX_CELLS} 格；请改用 CSV 提交。",
                f"The sheet spreads out to {number_of(total, 'cells')}, more than {MAX_CELLS}; hand it in as CSV.",
            )
        )
