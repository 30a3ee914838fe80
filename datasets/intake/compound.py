"""Tables of sectors in old Excel files (.xls is a compound file, [MS-CFB]), looked at before a reader follows them.

A damaged or hostile table can lead in a circle; the reader follows it until memory is gone, which ends the process and no exception is seen.
A sound table has no circle anywhere: every chain ends, unused sectors point nowhere, and no part of the table is listed twice.
"""

from __future__ import annotations

import struct
from array import array
from pathlib import Path
from typing import BinaryIO, Final

MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_LAST: Final = 0xFFFFFFFA  # the highest number of a sector; what is above marks ends, free sectors and the tables themselves
_IN_HEADER: Final = 109  # entries of the list of tables that the header holds


def leads_in_a_circle(path: Path) -> bool:
    """Whether a compound file's tables of sectors hold a circle. False for other files, and for ones cut off before that shows."""
    with path.open("rb") as file:
        head = file.read(512)
        if len(head) < 512 or not head.startswith(MAGIC):
            return False
        shift, first_small, first_more = (
            *struct.unpack_from("<H", head, 30),
            *struct.unpack_from("<I4xI", head, 60),
        )
        size = 1 << shift if shift in (9, 12) else 512
        listed = array("I", head[76 : 76 + 4 * _IN_HEADER])
        more = _more(file, size, first_more)
        if more is None:
            return True
        table = array("I")
        parts = [number for number in (*listed, *more) if number <= _LAST]
        if len(set(parts)) < len(parts):
            return True
        for number in parts:
            table.extend(_sector(file, size, number))
        if _has_circle(table):
            return True
        small = array("I")
        number = first_small  # its chain ends, since the table has no circle
        while number < len(table):
            small.extend(_sector(file, size, number))
            number = table[number]
        return _has_circle(small)


def _sector(file: BinaryIO, size: int, number: int) -> array[int]:
    file.seek((number + 1) * size)
    content = file.read(size)
    return array("I", content[: len(content) // 4 * 4])


def _more(file: BinaryIO, size: int, number: int) -> array[int] | None:
    """The list of tables that did not fit into the header; None when it leads in a circle."""
    found, seen = array("I"), set[int]()
    while number <= _LAST:
        if number in seen:
            return None
        seen.add(number)
        sector = _sector(file, size, number)
        if len(sector) < 2:
            break
        found.extend(sector[:-1])
        number = sector[-1]
    return found


def _has_circle(table: array[int]) -> bool:
    """Whether following the entries from anywhere comes back to a sector of the same walk."""
    walk = bytearray(len(table))  # 0 unseen, 1 on this walk, 2 known to end
    for start in range(len(table)):
        at, path = start, []
        while at < len(table) and walk[at] == 0:
            walk[at] = 1
            path.append(at)
            at = table[at]
        if at < len(table) and walk[at] == 1:
            return True
        for seen in path:
            walk[seen] = 2
    return False
