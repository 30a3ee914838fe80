"""Unpacking under a limit on size and on ratio, and the words for what is damaged, locked or built to burst."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from core.errors import InputRefused
from core.text import Text

CHUNK: Final = 1 << 20
MAX_OPEN_BYTES: Final = 64 << 30
FREE_RATIO_BYTES: Final = 256 << 20
MAX_RATIO: Final = 200
MAX_SHEET_XML_BYTES: Final = 1 << 30
# Parts of a workbook that only list what it holds; they are read as a whole.
LISTS: Final = frozenset({"xl/workbook.xml", "xl/_rels/workbook.xml.rels"})
MAX_LIST_BYTES: Final = 8 << 20


def room_for(packed_bytes: int) -> int:
    """How many bytes may come out of so many packed ones."""
    return min(MAX_OPEN_BYTES, max(FREE_RATIO_BYTES, MAX_RATIO * packed_bytes))


def unpack(packed: IO[bytes] | gzip.GzipFile, out: Path, room: int) -> int:
    """Write what comes out to `out`, no more than `room` bytes; returns how many."""
    size = 0
    with out.open("wb") as file:
        while chunk := packed.read(CHUNK):
            size += len(chunk)
            if size > room:
                raise bomb(size)
            file.write(chunk)
    return size


def refuse_bomb(infos: Iterable[zipfile.ZipInfo], path: Path) -> None:
    """Refuse a workbook that says itself that it would burst."""
    infos = list(infos)
    total = sum(info.file_size for info in infos)
    longest = max((info.file_size for info in infos if info.filename in LISTS), default=0)
    if longest > MAX_LIST_BYTES:
        raise bomb(longest)
    if total > MAX_SHEET_XML_BYTES or total > max(FREE_RATIO_BYTES, MAX_RATIO * path.stat().st_size):
        raise bomb(total)


def bomb(size: int) -> InputRefused:
    return InputRefused(
        Text(
            f"文件解压后超过 {size >> 20} MiB，与压缩大小不成比例，已停止解压；请拆分或改用 CSV、Parquet 提交。",
            f"Unpacked, the file passes {size >> 20} MiB, out of proportion to its packed size; "
            "split it or hand it in as CSV or Parquet.",
        )
    )


def damaged(what: Text) -> InputRefused:
    return InputRefused(
        Text(
            f"{what.zh}已损坏或不完整；请重新生成后提交。",
            f"The {what.en} is damaged or cut off; make it again and hand it in.",
        )
    )


def locked() -> InputRefused:
    return InputRefused(
        Text(
            "文件有密码保护，无法读取；请取消密码后重新提交。",
            "The file is protected by a password; remove the password and hand it in again.",
        )
    )
