"""What was concluded about a file, how surely, and what else it might be.

A guess below `LOOK_BELOW` is a doubt: `datagrant check` says so, and a batch waits for a person before it is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import BaseModel

from core.text import Text

Aspect = Literal["format", "encoding", "delimiter", "quote", "header_line", "sheet", "member", "zone"]
LOOK_BELOW: Final = 0.6
WRITTEN: Final = "written"  # the zone of cells without an offset that are not to be moved
UNSPLIT: Final = "\n"  # the delimiter of a file whose lines are one cell each
ASPECT_NAMES: Final[dict[str, Text]] = {
    "format": Text("格式", "Format"),
    "encoding": Text("编码", "Encoding"),
    "delimiter": Text("分隔符", "Delimiter"),
    "quote": Text("引号", "Quotation mark"),
    "header_line": Text("表头所在行", "Header line"),
    "sheet": Text("工作表", "Sheet"),
    "member": Text("压缩包内文件", "Member of the archive"),
    "zone": Text("无时区的时间", "Times without an offset"),
}


class Alternative(BaseModel):
    """Another reading, and how well it fits by itself; several may fit well."""

    value: str | int
    confidence: float


class Guess(BaseModel):
    """One conclusion. `told`: a person, the dataset's layout or the dictionary file said so. `why`: what was seen."""

    aspect: Aspect
    value: str | int | None
    confidence: float
    told: bool = False
    alternatives: list[Alternative] = []
    why: Text


def told(aspect: Aspect, value: str | int | None) -> Guess:
    """What somebody fixed beforehand is not doubted."""
    why = Text("已指定，未作识别", "given, not detected")
    return Guess(aspect=aspect, value=value, confidence=1.0, told=True, why=why)


def certain(aspect: Aspect, value: str | int | None, why: Text) -> Guess:
    return Guess(aspect=aspect, value=value, confidence=1.0, why=why)


def doubts(guesses: Sequence[Guess]) -> list[Guess]:
    """The guesses that a person should look at before anything is built on them."""
    return [guess for guess in guesses if not guess.told and guess.confidence < LOOK_BELOW]


def spoken(aspect: str, value: str | int | None) -> Text:
    """A value as people say it: tabs and missing things have names."""
    words = {
        ("delimiter", "\t"): Text("制表符", "tab"),
        ("delimiter", " "): Text("空格", "space"),
        ("delimiter", None): Text("不拆分（每行一格）", "none, one cell per line"),
        ("delimiter", UNSPLIT): Text("不拆分（每行一格）", "none, one cell per line"),
        ("header_line", 0): Text("没有表头", "no header"),
        ("header_line", None): Text("不适用", "not applicable"),
        ("quote", "none"): Text("无引号", "none"),
        ("zone", WRITTEN): Text("按原文，不换算", "as written, not moved"),
    }
    found = words.get((aspect, value))
    if found is None and aspect == "header_line":
        found = Text(f"第 {value} 行", f"line {value}")
    if found is None and aspect == "zone":
        found = Text(f"UTC{value}", f"UTC{value}")
    return found or Text(str(value), str(value))
