"""What a file that came back is wrapped in, taken off: gzip, an archive, a workbook, UTF-16.

What is left is Parquet or text in an encoding of one byte for ASCII, which is what tokens and numbers are looked for in.
"""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from core.errors import InputRefused
from core.text import Text
from datasets.intake.container import FOREIGN, Opened, open_input
from datasets.intake.facts import FindingLog
from datasets.intake.sheets import open_sheet

_PACKED: Final = (b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_WIDE: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_PIECE: Final = 1024 * 1024
_FACTS: Final = "docProps/custom.xml"
_MOST_FACTS: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Plain:
    """A file that can be searched, and what its wrapping says of itself."""

    path: Path
    claims: Mapping[str, str] = field(default_factory=dict)


def plain(path: Path, folder: Path) -> Plain:
    """The file itself, or what it holds, in `folder`. Raises InputRefused for what cannot be read, with what it is."""
    if _head(path).startswith(_PACKED):
        opened = open_input(path, folder)
        if opened.format in ("xlsx", "xls", "ods"):
            return Plain(_cells(opened, folder / "cells.csv"), _facts(opened))
        path = opened.path
    head = _head(path)
    if (wide := _WIDE.get(head[:2])) is not None:
        return Plain(_narrow(path, wide, folder / "narrow.txt"))
    if not head.startswith(b"PAR1"):
        _refuse_unreadable(head)
    return Plain(path)


def _head(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(4096)


def _refuse_unreadable(head: bytes) -> None:
    foreign = next((what for magic, what in FOREIGN if head.startswith(magic)), None)
    if foreign is None and b"\x00" not in head:
        return
    what = foreign or Text("无法识别的二进制文件", "a binary file of an unknown kind")
    raise InputRefused(
        Text(
            f"这是{what.zh}，不能从中查找；请提供 Parquet、CSV、JSON、GeoJSON、Excel 工作簿，或它们的压缩包，或其中的文字。",
            f"This is {what.en}, in which nothing can be looked for; give Parquet, CSV, JSON, GeoJSON, a workbook, one of them packed, or text out of it.",
        )
    )


def _cells(opened: Opened, out: Path) -> Path:
    """The first sheet with cells as CSV in UTF-8, each cell as it is written."""
    sheet = open_sheet(opened.path, opened.format, None, FindingLog())
    with out.open("w", encoding="utf-8", newline="") as sink:
        written = csv.writer(sink)
        for record in sheet.records():
            written.writerow([cell or "" for cell in record.cells])
    return out


def _facts(opened: Opened) -> dict[str, str]:
    """What a workbook's own properties say; {} where it has none that can be read."""
    if opened.format != "xlsx":
        return {}
    try:
        with zipfile.ZipFile(opened.path) as book, book.open(_FACTS) as source:
            said = source.read(_MOST_FACTS + 1)
        if len(said) > _MOST_FACTS or b"<!" in said:
            return {}
        found = ElementTree.fromstring(said)  # noqa: S314 - bounded, and without declarations
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile, zlib.error, OSError, EOFError):
        return {}
    named = ((each.get("name", ""), "".join(each.itertext())) for each in found)
    return {
        name.removeprefix("datagrant."): value[:200] for name, value in named if name.startswith("datagrant.")
    }


def _narrow(path: Path, encoding: str, out: Path) -> Path:
    """UTF-16, as spreadsheets save text, in UTF-8; what cannot be read is marked, not lost."""
    with (
        path.open("r", encoding=encoding, errors="replace", newline="") as source,
        out.open("w", encoding="utf-8", newline="") as sink,
    ):
        while piece := source.read(_PIECE):
            sink.write(piece)
    return out
