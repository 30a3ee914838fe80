"""Workbooks of one sheet, written row by row with memory for one batch, and read back the same way.

Texts are inline and escaped here, never formulas. Equal rows give equal bytes: no time, no name of a person.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self
from xml.sax.saxutils import escape

import pyarrow as pa
from lxml import etree

from core.errors import Conflict, Reason
from core.text import Text
from datasets.formats.fitting import BASIS, TOO_LARGE
from datasets.formats.json_lines import text_schema
from datasets.formats.kinds import LONGEST_CELL, MOST_ROWS_OF_SHEET
from datasets.formats.xlsx_parts import NS, SHEET, SHEET_END, SHEET_HEAD, columns_of, parts

_MADE: Final = (1980, 1, 1, 0, 0, 0)
_EPOCH: Final = date(1899, 12, 30)
_FIRST_DAY: Final = date(1900, 3, 1)  # before it spreadsheets do not agree on the calendar
_MOST_DIGITS: Final = 15
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_WRITTEN: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_WIDEST: Final = 40
_DAY, _MOMENT = ' s="1"', ' s="2"'


class SheetWriter:
    """One sheet into `out`, which must not exist. Use as a context."""

    def __init__(self, out: Path, schema: pa.Schema, facts: Mapping[str, str]) -> None:
        names = schema.names
        self._book = zipfile.ZipFile(out, "x", zipfile.ZIP_DEFLATED, compresslevel=6)
        for name, text in parts(facts).items():
            self._book.writestr(_entry(name), text)
        self._sheet = self._book.open(_entry(SHEET), "w")
        self._letters = [letters(at) for at in range(len(names))]
        self._row = 1
        heads = "".join(
            f'<c r="{letter}1" s="3"{_text(name)}' for letter, name in zip(self._letters, names, strict=True)
        )
        columns = columns_of([_width(field) for field in schema])
        self._sheet.write(f'{SHEET_HEAD}{columns}<sheetData>\n<row r="1">{heads}</row>\n'.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._sheet.closed:
            self._sheet.write(SHEET_END.encode())
            self._sheet.close()
        self._book.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append the rows. Conflict beyond what a sheet holds."""
        if self._row + batch.num_rows > MOST_ROWS_OF_SHEET + 1:
            raise too_large("rows")
        columns = [
            [f'<c r="{letter}{n}"{cell}' if cell else "" for n, cell in enumerate(cells, self._row + 1)]
            for letter, cells in zip(self._letters, map(_cells, batch.columns), strict=True)
        ]
        lines = (
            f'<row r="{n}">{"".join(row)}</row>\n'
            for n, row in enumerate(zip(*columns, strict=True), self._row + 1)
        )
        try:
            self._sheet.write("".join(lines).encode())
        except RuntimeError as fault:  # beyond 2 GiB of text; larger archives make Excel complain
            raise too_large("bytes") from fault
        self._row += batch.num_rows


def too_large(what: str) -> Conflict:
    text = Text(
        f"内容超出工作簿的容量（{what}），未交付；请加筛选条件，或选择 Parquet 或 CSV。",
        f"More than a workbook holds ({what}); nothing was delivered. Filter the rows, or take Parquet or CSV.",
    )
    return Conflict(text, reasons=[Reason(TOO_LARGE, text, BASIS)])


def letters(at: int) -> str:
    """The name of a column by its place: A, B, … Z, AA."""
    found = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        found = chr(65 + rest) + found
    return found


def _width(field: pa.Field) -> int:
    """Characters that its values and its name need; Chinese ones take two."""
    kind = field.type
    values = (
        12
        if pa.types.is_date(kind)
        else 27
        if pa.types.is_timestamp(kind) and kind.tz
        else 20
        if pa.types.is_timestamp(kind)
        else 10
    )
    name = sum(1 if char.isascii() else 2 for char in field.name)
    return min(max(values, name + 2), _WIDEST)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _MADE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _cells(values: pa.Array) -> list[str]:
    """What follows a cell's reference, for every value; nothing for null."""
    make = _maker(values.type)
    return ["" if value is None else make(value) for value in values.to_pylist()]


def _maker(kind: pa.DataType) -> Callable[[Any], str]:
    if pa.types.is_boolean(kind):
        return lambda value: f' t="b"><v>{int(value)}</v></c>'
    if pa.types.is_integer(kind):
        return lambda value: _number(str(value)) if abs(value) < 10**_MOST_DIGITS else _text(str(value))
    if pa.types.is_floating(kind):
        return lambda value: _number(repr(value)) if math.isfinite(value) else _text(str(value))
    if pa.types.is_decimal(kind):
        return _decimal
    if pa.types.is_date(kind):
        return _day
    if pa.types.is_timestamp(kind):
        return _moment
    return lambda value: _text(value.isoformat() if isinstance(value, time) else str(value))


def _number(text: str, style: str = "") -> str:
    return f"{style}><v>{text}</v></c>"


def _decimal(value: Decimal) -> str:
    text = format(value, "f")
    return _number(text) if len(value.as_tuple().digits) <= _MOST_DIGITS else _text(text)


def _day(value: date) -> str:
    return _number(str((value - _EPOCH).days), _DAY) if value >= _FIRST_DAY else _text(value.isoformat())


def _moment(value: datetime) -> str:
    if value.tzinfo is not None or value.microsecond or value.date() < _FIRST_DAY:
        return _text(value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat())
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return _number(repr((value.date() - _EPOCH).days + seconds / 86400), _MOMENT)


def _text(value: str) -> str:
    if len(value) > LONGEST_CELL // 2 and len(value.encode("utf-16-le")) > LONGEST_CELL * 2:
        raise too_large(f"{LONGEST_CELL} characters of a cell")
    safe = escape(_UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", value))
    return f' t="inlineStr"><is><t xml:space="preserve">{safe}</t></is></c>'


def read_sheet(path: Path, rows: int) -> pa.RecordBatchReader:
    """The first sheet's rows as texts, `rows` at a time. ValueError for what is no such workbook."""
    names = [value or "" for value in next(_rows(path), [])]
    schema = text_schema(names)

    def batches() -> Iterator[pa.RecordBatch]:
        found = _rows(path)
        next(found, None)
        some: list[list[str | None]] = []
        for row in found:
            if len(row) > len(names):
                raise ValueError("a row is longer than its header")
            some.append(row + [None] * (len(names) - len(row)))
            if len(some) == rows:
                yield pa.record_batch(list(zip(*some, strict=True)), schema=schema)
                some = []
        if some:
            yield pa.record_batch(list(zip(*some, strict=True)), schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _rows(path: Path) -> Iterator[list[str | None]]:
    try:
        with zipfile.ZipFile(path) as book, book.open(SHEET) as sheet:
            for _, row in etree.iterparse(sheet, tag=f"{NS}row", resolve_entities=False, no_network=True):
                yield _read(row)
                row.clear()
                while row.getprevious() is not None:
                    del row.getparent()[0]
    except (zipfile.BadZipFile, KeyError, etree.XMLSyntaxError) as fault:
        raise ValueError(f"no workbook: {fault}") from fault


def _read(row: Any) -> list[str | None]:  # noqa: ANN401 - an element
    cells: list[str | None] = []
    for cell in row:
        at = _place(cell.get("r", ""))
        if at < len(cells):
            raise ValueError("cells out of order")
        cells += [None] * (at - len(cells))
        text = "".join(cell.itertext())
        cells.append(_WRITTEN.sub(lambda found: chr(int(found[1], 16)), text))
    return cells


def _place(reference: str) -> int:
    at = 0
    for letter in reference.rstrip("0123456789"):
        at = at * 26 + ord(letter) - 64
    return at - 1
