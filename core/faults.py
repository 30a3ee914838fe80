"""What is wrong with input, field by field, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

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
    "missing": Text("必须填写", "is needed"),
    "extra_forbidden": Text("不是可填写的项", "is not a field that can be filled in"),
}


def sentences(fault: ValidationError, labels: Mapping[str, Text]) -> list[tuple[str, Text]]:
    """What is wrong, field by field, in both languages; places inside lists are named (`columns.2.name`)."""
    found = []
    for error in fault.errors():
        where = ".".join(str(part) for part in error["loc"])
        label = labels.get(str(error["loc"][0]) if error["loc"] else "", Text(where, where))
        shape = _SENTENCES.get(error["type"], Text("{msg}", "{msg}"))
        said = shape.filled(**{"msg": error["msg"].removeprefix("Value error, "), **(error.get("ctx") or {})})
        place = "" if len(error["loc"]) < 2 else f" ({where})"
        found.append(
            (
                str(error["loc"][0]) if error["loc"] else "",
                Text(f"{label.zh}{place}：{said.zh}", f"{label.en}{place}: {said.en}"),
            )
        )
    return found
