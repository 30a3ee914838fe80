"""Small tables as CSV that people open in spreadsheets: a text that would run as a formula gets an apostrophe in front."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

FORMULA: Final = r"^[=+\-@\t\r\n＝＋－＠]"


def safe_cell(value: object) -> object:
    """The value as a cell. Numbers are left alone: `-5` is no formula."""
    return f"'{value}" if isinstance(value, str) and re.match(FORMULA, value) else value


def as_csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8 with a byte order mark, so that spreadsheets read Chinese; lines end in CRLF (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([safe_cell(head) for head in heads])
    writer.writerows([safe_cell("" if cell is None else cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")
