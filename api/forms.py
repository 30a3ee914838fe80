"""Forms that fail keep what was typed: a refusal comes back as a value, a malformed field as a sentence at its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.datastructures import FormData

from api.house import House
from core.errors import AppError
from core.text import Text
from core.work import Work

T = TypeVar("T")

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


async def _typed(request: Request) -> FormData:
    return await request.form()


Typed = Annotated[FormData, Depends(_typed)]


def tried(house: House, act: Callable[[Work], T]) -> T | AppError:
    """Do it in a transaction of its own; a refusal comes back as a value, so that the form can be shown again as typed."""
    try:
        with house.write() as work:
            return act(work)
    except AppError as refused:
        return refused


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
