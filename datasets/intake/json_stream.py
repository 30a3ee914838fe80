"""JSON read value by value from a file of any size; only one record is in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from core.errors import InputRefused
from core.text import Text

READ_CHARS: Final = 1 << 18
MAX_VALUE_CHARS: Final = 64 << 20
MAX_DEPTH: Final = 6
BLANK: Final = " \t\r\n\x1e"
CRS: Final = "crs"  # of a GeoJSON document: kept whole

Json = Any
Path_ = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Records:
    """A place in the document that holds records: an array, or an object whose values are objects."""

    path: Path_
    keyed: bool
    objects: int
    total: int


class JsonStream:
    """A cursor over one JSON text."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._taken = 0
        self._ended = False
        self._decoder = json.JSONDecoder()

    def _more(self) -> bool:
        if self._ended:
            return False
        self._text, self._taken, self._at = self._text[self._at :], self._taken + self._at, 0
        chunk = self._file.read(max(READ_CHARS, len(self._text)))
        self._text += chunk
        self._ended = not chunk
        return bool(chunk)

    def peek(self) -> str:
        """The next character that is not blank; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in BLANK:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def skip(self, character: str) -> None:
        if self.peek() != character:
            raise self.malformed(f"expected {character!r}")
        self._at += 1

    def value(self) -> Json:
        """The whole next value."""
        if self.peek() == "":
            raise self.malformed("the text ends too early")
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                length = end - self._at
                if end < len(self._text) or not self._more():
                    self._at += length
                    return value
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > MAX_VALUE_CHARS or not self._more():
                    raise self.malformed(error.msg) from error
            except RecursionError as error:
                raise self.malformed("nested too deeply") from error
            except ValueError as error:  # a whole number of thousands of digits
                raise self.malformed("a number is too long") from error

    def malformed(self, why: str) -> InputRefused:
        position = self._taken + self._at
        return InputRefused(
            Text(
                f"JSON 在第 {position} 个字符之后不合法或不完整（{why}）；请重新导出。",
                f"The JSON is malformed or cut off after character {position} ({why}); export it again.",
            ),
            position=position,
        )

    def members(self) -> Iterator[str]:
        """Keys of the object that begins here; the caller takes each value before the next key."""
        self.skip("{")
        while (mark := self.peek()) != "}":
            if mark != '"':
                raise self.malformed("expected a key")
            key = self.value()
            self.skip(":")
            yield key
            if self.peek() == ",":
                self.skip(",")
            elif self.peek() != "}":
                raise self.malformed("expected , or }")
        self.skip("}")

    def enter(self, wanted: str) -> None:
        """Go to the value of that key of the object that begins here."""
        for key in self.members():
            if key == wanted:
                return
            self.value()
        raise self.malformed(f"no key {wanted}")

    def elements(self) -> Iterator[None]:
        """One step for each element of the array that begins here; the caller takes the element."""
        self.skip("[")
        while self.peek() != "]":
            yield None
            if self.peek() == ",":
                self.skip(",")
            elif self.peek() != "]":
                raise self.malformed("expected , or ]")
        self.skip("]")


def find_records(path: Path) -> tuple[list[Records], Json]:
    """Every place that may hold records, outermost first, and the root's plain values when it is an object."""
    found: list[Records] = []
    scalars: dict[str, Json] = {}
    with path.open(encoding="utf-8-sig") as file:
        stream = JsonStream(file)
        _walk(stream, (), found, scalars)
        if stream.peek():
            raise stream.malformed("something follows the document")
    return sorted(found, key=lambda each: (len(each.path), -each.objects)), scalars


def _walk(stream: JsonStream, path: Path_, found: list[Records], scalars: dict[str, Json]) -> None:
    mark = stream.peek()
    if mark == "[":
        total = objects = 0
        for _ in stream.elements():
            total += 1
            objects += isinstance(stream.value(), dict)
        found.append(Records(path, False, objects, total))
        return
    if mark != "{":
        raise stream.malformed("expected an object or an array")
    total = objects = 0
    for key in stream.members():
        total += 1
        opens = stream.peek()
        objects += opens == "{"
        if opens in ("{", "[") and len(path) < MAX_DEPTH and (path, key, opens) != ((), CRS, "{"):
            _walk(stream, (*path, key), found, {})
        else:
            scalars[key] = stream.value()
    if total >= 3 and objects == total:
        found.append(Records(path, True, objects, total))


def whole(path: Path) -> Json:
    """The document as one value, for one that holds no records but itself."""
    with path.open(encoding="utf-8-sig") as file:
        return JsonStream(file).value()


def read_records(path: Path, records: Records) -> Iterator[tuple[str | None, Json]]:
    """The records at that place, each with its key when the place is keyed."""
    with path.open(encoding="utf-8-sig") as file:
        stream = JsonStream(file)
        for step in records.path:
            stream.enter(step)
        if records.keyed:
            for key in stream.members():
                yield key, stream.value()
        else:
            for _ in stream.elements():
                yield None, stream.value()
