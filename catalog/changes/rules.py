"""How a cell becomes a value, what an operation makes of a value, and what undoing meets. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from catalog import codes
from catalog.fields import BY_NAME, FieldSpec
from catalog.models import clean_text
from core.text import Text

_SPLIT: Final = re.compile(r"[,，、;；\n]")
LISTS: Final = ("words", "codes")
State = Literal["stands", "waiting", "back", "changed"]


class Unfit(Exception):
    """A text that is no value of its field."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def cell(spec: FieldSpec, value: Any) -> str:  # noqa: ANN401 - a field's value
    """A value as the text of a cell; `value_of` reads it back."""
    if value is None:
        return ""
    if spec.kind in LISTS:
        words = [str(each) for each in value]
        is_plain = not any(_SPLIT.search(word) or word.startswith("[") for word in words)
        return "、".join(words) if is_plain else json.dumps(words, ensure_ascii=False)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def value_of(spec: FieldSpec, text: str) -> Any:  # noqa: ANN401 - a field's value
    """The value that a cell's text means; a code may be given by its label. Raises Unfit."""
    try:
        text = str(clean_text(text))
    except ValueError:
        raise Unfit(Text("含控制字符，请删去", "holds a control character; remove it")) from None
    if spec.kind in LISTS:
        return [_code(spec, word) if spec.kind == "codes" else word for word in _words(text)]
    if not text:
        return None if spec.kind in ("date", "number") or spec.name == "data_level" else ""
    if spec.kind == "code":
        found = _code(spec, text)
        return int(found) if spec.name == "data_level" else found
    if spec.kind == "number":
        try:
            return float(text)
        except ValueError:
            raise Unfit(Text(f"“{text}”不是数字", f"“{text}” is not a number")) from None
    return text


def _words(text: str) -> list[str]:
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(each, str) for each in found):
            return found
    return [word.strip() for word in _SPLIT.split(text) if word.strip()]


def _code(spec: FieldSpec, text: str) -> str:
    known = codes.load(str(spec.codes)).codes
    if text in known or text.lower() in known:
        return text if text in known else text.lower()
    for value, code in known.items():
        if text in (code.text.zh, code.text.en):
            return value
    named = [f"{value} {code.text.zh}" for value, code in known.items()][:20]
    english = [f"{value} {code.text.en}" for value, code in known.items()][:20]
    raise Unfit(
        Text(
            f"“{text}”不在代码表中；可用：{'、'.join(named)}",
            f"“{text}” is not in the code list; there are: {', '.join(english)}",
        )
    )


def operated(spec: FieldSpec, present: Any, op: str, value: Any) -> Any:  # noqa: ANN401 - values of fields
    """What an operation makes of a field's value. Raises Unfit where a single value is to be added to."""
    if op == "set":
        return value
    if spec.kind not in LISTS:
        raise Unfit(
            Text(
                f"“{spec.label.zh}”不是多值项，只能设置",
                f"“{spec.label.en}” holds one value; it can only be set",
            )
        )
    held = list(present or [])
    if op == "remove":
        return [each for each in held if each not in value]
    return [*held, *(each for each in dict.fromkeys(value) if each not in held)]


def standing(
    fields: Mapping[str, Any], present: Mapping[str, Any], waits_elsewhere: bool
) -> tuple[State, list[str]]:
    """What undoing meets in one record, and the fields that somebody changed since.

    waits_elsewhere: the change is a proposal of another person that nobody has decided.
    """
    if waits_elsewhere:
        return "waiting", []
    changed = [name for name, (before, after) in fields.items() if present.get(name) not in (before, after)]
    if changed:
        return "changed", changed
    if all(present.get(name) == before for name, (before, _) in fields.items()):
        return "back", []
    return "stands", []


def spec_of(name: str) -> FieldSpec:
    """A field by its name or label. Raises Unfit."""
    if name in BY_NAME:
        return BY_NAME[name]
    for spec in BY_NAME.values():
        if name in (spec.label.zh, spec.label.en):
            return spec
    raise Unfit(Text(f"没有名为“{name}”的项", f"There is no field “{name}”"))


def letters(place: int) -> str:
    """A column's letters as spreadsheets show them: A, B, …, Z, AA."""
    place, last = divmod(place, 26)
    return (letters(place - 1) if place else "") + chr(65 + last)
