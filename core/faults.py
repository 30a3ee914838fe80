"""What is wrong with input, field by field, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from pydantic import ValidationError

from core.text import Text

_SENTENCES: Final[Mapping[str, Text]] = {
    "string_too_long": Text("不得超过 {max_length} 个字符", "has at most {max_length} characters"),
    "string_too_short": Text("不得少于 {min_length} 个字符", "has at least {min_length} characters"),
    "string_pattern_mismatch": Text("格式不对：{pattern}", "does not have the form {pattern}"),
    "date_from_datetime_parsing": Text(
        "不是日期，应为 2026-01-31 这样的形式", "is not a date such as 2026-01-31"
    ),
    "date_parsing": Text("不是日期，应为 2026-01-31 这样的形式", "is not a date such as 2026-01-31"),
    "int_parsing": Text("应为整数", "must be a whole number"),
    "int_from_float": Text("应为整数", "must be a whole number"),
    "float_parsing": Text("应为数字", "must be a number"),
    "greater_than": Text("应大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": Text("应不小于 {ge}", "must be {ge} or more"),
    "less_than_equal": Text("应不大于 {le}", "must be {le} or less"),
    "float_type": Text("应为数字", "must be a number"),
    "int_type": Text("应为整数", "must be a whole number"),
    "finite_number": Text("应为有限的数", "must be a finite number"),
    "string_type": Text("应为文字", "must be text"),
    "bool_type": Text("应为 true 或 false", "must be true or false"),
    "bool_parsing": Text("应为 true 或 false", "must be true or false"),
    "list_type": Text("应为列表", "must be a list"),
    "tuple_type": Text("应为列表", "must be a list"),
    "dict_type": Text("应为对象", "must be an object"),
    "model_type": Text("应为对象", "must be an object"),
    "model_attributes_type": Text("应为对象", "must be an object"),
    "too_short": Text("至少 {min_length} 项", "has at least {min_length} entries"),
    "too_long": Text("至多 {max_length} 项", "has at most {max_length} entries"),
    "enum": Text("应为下列之一：{expected}", "must be one of {expected}"),
    "literal_error": Text("应为下列之一：{expected}", "must be one of {expected}"),
    "union_tag_invalid": Text("应为下列之一：{expected_tags}", "must be one of {expected_tags}"),
    "union_tag_not_found": Text("没有写明种类", "does not say its kind"),
    "json_invalid": Text("不是 JSON：{error}", "is no JSON: {error}"),
    "json_type": Text("不是 JSON", "is no JSON"),
    "uuid_parsing": Text("不是标识", "is no identifier"),
    "datetime_from_date_parsing": Text(
        "不是时刻，应为 2026-01-31T08:00:00+08:00 这样的形式",
        "is not a moment such as 2026-01-31T08:00:00+08:00",
    ),
    "datetime_parsing": Text(
        "不是时刻，应为 2026-01-31T08:00:00+08:00 这样的形式",
        "is not a moment such as 2026-01-31T08:00:00+08:00",
    ),
    "timezone_aware": Text("须写明时区，如 +08:00", "needs its time zone, such as +08:00"),
    "missing": Text("必须填写", "is needed"),
    "extra_forbidden": Text("不是可填写的项", "is not a field that can be filled in"),
}


def said(error: Mapping[str, Any]) -> Text:
    """One of pydantic's errors in both languages; a rule of our own may say both as "中文 / English"."""
    if shape := _SENTENCES.get(error["type"]):
        return shape.filled(**{"msg": error["msg"], **(error.get("ctx") or {})})
    words = str(error["msg"]).removeprefix("Value error, ")
    zh, slash, en = words.partition(" / ")
    return Text(zh, en) if slash and not zh.isascii() and en.isascii() else Text(words, words)


class _Erring(Protocol):
    """What pydantic raises, and what the framework makes of it."""

    def errors(self) -> Sequence[Any]: ...


def together(fault: _Erring, most: int = 5) -> Text:
    """The first few in one sentence, each with its place, for forms that have no field to show them at."""
    found = []
    for error in fault.errors()[:most]:
        where = ".".join(str(part) for part in error["loc"])
        text = said(error)
        found.append(Text(f"{where}：{text.zh}", f"{where}: {text.en}") if where else text)
    return Text("；".join(text.zh for text in found), "; ".join(text.en for text in found))


def sentences(fault: ValidationError, labels: Mapping[str, Text]) -> list[tuple[str, Text]]:
    """What is wrong, field by field, in both languages; places inside lists are named (`columns.2.name`)."""
    found = []
    for error in fault.errors():
        where = ".".join(str(part) for part in error["loc"])
        label = labels.get(str(error["loc"][0]) if error["loc"] else "", Text(where, where))
        words = said(error)
        place = "" if len(error["loc"]) < 2 else f" ({where})"
        found.append(
            (
                str(error["loc"][0]) if error["loc"] else "",
                Text(f"{label.zh}{place}：{words.zh}", f"{label.en}{place}: {words.en}"),
            )
        )
    return found
