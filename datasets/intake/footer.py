"""Notes added to a finished Parquet file: its pages stay as they are, only the footer is written anew.

Why this exists: the notes (verdict, titles, units) are known after the table is written, and no library writes
them without encoding every value again. The footer is one Thrift struct in the compact protocol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

MAGIC: Final = b"PAR1"
CHUNK: Final = 1 << 20
BOOLEANS, BYTE, NUMBERS, DOUBLE, BINARY, LISTS, STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 12
NOTES: Final = 5  # the field of FileMetaData


def noted(table: Path, notes: Mapping[str, str]) -> Iterator[bytes]:
    """The bytes of `table` with `notes` as its metadata; raises ValueError if it has metadata already."""
    size = table.stat().st_size
    with table.open("rb") as file:
        file.seek(size - 8)
        length = int.from_bytes(file.read(4), "little")
        file.seek(size - 8 - length)
        footer = _with_notes(file.read(length), notes)
        left = size - 8 - length
        file.seek(0)
        while left:
            chunk = file.read(min(CHUNK, left))
            left -= len(chunk)
            yield chunk
    yield footer + len(footer).to_bytes(4, "little") + MAGIC


def _with_notes(footer: bytes, notes: Mapping[str, str]) -> bytes:
    at = field = 0
    while footer[at]:
        begins = at
        number, kind, at = _field(footer, at, field)
        if number == NOTES:
            raise ValueError("the file has metadata of its own")
        if number > NOTES:
            head = bytes([(number - NOTES) << 4 | kind])
            return footer[:begins] + _notes(notes, field) + head + footer[at:]
        at, field = _after(footer, at, kind), number
    return footer[:at] + _notes(notes, field) + footer[at:]


def _field(data: bytes, at: int, before: int) -> tuple[int, int, int]:
    """Number and kind of the field whose header stands at `at`, and where its value begins."""
    step, kind = data[at] >> 4, data[at] & 15
    if step:
        return before + step, kind, at + 1
    number, at = _varint(data, at + 1)
    return (number >> 1) ^ -(number & 1), kind, at


def _after(data: bytes, at: int, kind: int, *, listed: bool = False) -> int:
    """Where the value that begins at `at` has ended."""
    if kind in BOOLEANS:
        return at + listed
    if kind == BYTE:
        return at + 1
    if kind in NUMBERS:
        return _varint(data, at)[1]
    if kind == DOUBLE:
        return at + 8
    if kind == BINARY:
        length, at = _varint(data, at)
        return at + length
    if kind in LISTS:
        return _after_list(data, at)
    if kind == STRUCT:
        field = 0
        while data[at]:
            field, inner, at = _field(data, at, field)
            at = _after(data, at, inner)
        return at + 1
    raise ValueError(f"unknown kind {kind} in the footer")


def _after_list(data: bytes, at: int) -> int:
    size, kind, at = data[at] >> 4, data[at] & 15, at + 1
    if size == 15:
        size, at = _varint(data, at)
    for _ in range(size):
        at = _after(data, at, kind, listed=True)
    return at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _notes(notes: Mapping[str, str], before: int) -> bytes:
    """The field of key-value pairs, after the field `before`."""
    pairs = [_text(key) + _text(value) + b"\0" for key, value in notes.items()]
    size = bytes([len(pairs) << 4 | STRUCT]) if len(pairs) < 15 else bytes([15 << 4 | STRUCT]) + _number(len(pairs))  # fmt: skip
    return bytes([(NOTES - before) << 4 | LISTS[0]]) + size + b"".join(pairs)


def _text(text: str) -> bytes:
    content = text.encode()
    return bytes([1 << 4 | BINARY]) + _number(len(content)) + content


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
