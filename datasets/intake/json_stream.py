"""JSON read value by value from a file of any size; only one record is in memory at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from core.errors import InputRefused
from core.text import Text
from quality.troubles import told

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


DEEP: Final = Text("嵌套过深", "nested too deeply")
LONG: Final = Text("有一个数字过长", "a number is too long")


class RepeatedKey(ValueError):
    """An object with one key twice: one of the two values would be lost."""

    def __init__(self, key: str) -> None:
        self.why = Text(
            f"键“{key[:60]}”在同一对象中出现两次", f"the key “{key[:60]}” stands twice in one object"
        )
        super().__init__(self.why.en)


def unrepeated(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """The object of these members. Raises RepeatedKey."""
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        raise RepeatedKey(next(key for key, _ in pairs if key in seen or seen.add(key)))  # type: ignore[func-returns-value]
    return found


def why_not(error: Exception) -> Text:
    """Why a text is no JSON, in both languages."""
    match error:
        case RepeatedKey():
            return error.why
        case json.JSONDecodeError():
            return told(error.msg)
        case RecursionError():
            return DEEP
        case _:  # a whole number of thousands of digits
            return LONG


def too_long(where: Text, **place: Any) -> InputRefused:  # noqa: ANN401 - `line` or `position`
    """A value that is longer than may be held in memory."""
    most = MAX_VALUE_CHARS >> 20
    return InputRefused(
        Text(
            f"{where.zh}有一个值超过 {most} Mi 个字符；请拆开后重新提交。",
            f"A value {where.en} is longer than {most} Mi characters; take it apart and hand it in again.",
        ),
        **place,
    )


class JsonStream:
    """A cursor over one JSON text."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._taken = 0
        self._ended = False
        self._decoder = json.JSONDecoder(object_pairs_hook=unrepeated)

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
            raise self.malformed(Text(f"此处应为 {character}", f"expected {character!r}"))
        self._at += 1

    def value(self) -> Json:
        """The whole next value."""
        if self.peek() == "":
            raise self.malformed(Text("内容提前结束", "the text ends too early"))
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                length = end - self._at
                if end < len(self._text) or not self._more():
                    self._at += length
                    return value
            except json.JSONDecodeError as error:
                if len(self._text) - self._at > MAX_VALUE_CHARS:
                    at = self._taken + self._at
                    raise too_long(
                        Text(f"第 {at} 个字符之后", f"after character {at}"), position=at
                    ) from error
                if not self._more():
                    raise self.malformed(why_not(error)) from error
            except (RecursionError, ValueError) as error:
                raise self.malformed(why_not(error)) from error

    def malformed(self, why: Text) -> InputRefused:
        position = self._taken + self._at
        return InputRefused(
            Text(
                f"JSON 在第 {position} 个字符之后不合法或不完整（{why.zh}）；请重新导出。",
                f"The JSON is malformed or cut off after character {position} ({why.en}); export it again.",
            ),
            position=position,
        )

    def members(self) -> Iterator[str]:
        """Keys of the object that begins here; the caller takes each value before the next key."""
        self.skip("{")
        while (mark := self.peek()) != "}":
            if mark != '"':
                raise self.malformed(Text("此处应为键", "expected a key"))
            key = self.value()
            self.skip(":")
            yield key
            if self.peek() == ",":
                self.skip(",")
            elif self.peek() != "}":
                raise self.malformed(Text("此处应为 , 或 }", "expected , or }"))
        self.skip("}")

    def enter(self, wanted: str) -> None:
        """Go to the value of that key of the object that begins here."""
        for key in self.members():
            if key == wanted:
                return
            self.value()
        raise self.malformed(Text(f"没有键 {wanted}", f"no key {wanted}"))

    def elements(self) -> Iterator[None]:
        """One step for each element of the array that begins here; the caller takes the element."""
        self.skip("[")
        while self.peek() != "]":
            yield None
            if self.peek() == ",":
                self.skip(",")
            elif self.peek() != "]":
                raise self.malformed(Text("此处应为 , 或 ]", "expected , or ]"))
        self.skip("]")


def find_records(path: Path) -> tuple[list[Records], Json]:
    """Every place that may hold records, outermost first, and the root's plain values when it is an object."""
    found: list[Records] = []
    scalars: dict[str, Json] = {}
    with path.open(encoding="utf-8-sig") as file:
        stream = JsonStream(file)
        _walk(stream, (), found, scalars)
        if stream.peek():
            raise stream.malformed(Text("后面还有多余的内容", "something follows the document"))
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
        raise stream.malformed(Text("此处应为对象或数组", "expected an object or an array"))
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
