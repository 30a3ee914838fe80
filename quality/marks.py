"""What tells our correction workbook from any other, and the batch it was made of: a named property inside the file.

Spreadsheet programs keep such properties when a workbook is saved. Where one did not, the sheet is still known by its
first column, and its rows by their keys.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import Final
from xml.sax.saxutils import unescape

from quality.sheet import DATA_SHEET, KEY_TITLE

PROPERTY: Final = "datagrant-batch"
_MEMBER: Final = "docProps/custom.xml"
_MOST: Final = 64 * 1024
_FOUND: Final = re.compile(
    rb'name="' + PROPERTY.encode() + rb'"[^>]*>\s*<vt:lpwstr>([^<]{1,200})</vt:lpwstr>', re.DOTALL
)


def is_correction_sheet(path: Path) -> bool:
    """Whether the file is a workbook whose first line has the column of row keys."""
    import python_calamine

    if not zipfile.is_zipfile(path):
        return False
    try:
        with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
            name = DATA_SHEET if DATA_SHEET in book.sheet_names else book.sheet_names[0]
            head = book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=1)
    except (python_calamine.CalamineError, OSError, IndexError):
        return False
    return bool(head) and KEY_TITLE in [str(cell).strip() for cell in head[0]]


def made_of(path: Path) -> str | None:
    """The id of the batch that the workbook was made of; None where it does not say."""
    try:
        with zipfile.ZipFile(path) as book, book.open(_MEMBER) as member:
            found = _FOUND.search(member.read(_MOST))
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, zlib.error, RuntimeError, NotImplementedError):
        return None
    return unescape(found.group(1).decode("utf-8", "replace")) if found else None
