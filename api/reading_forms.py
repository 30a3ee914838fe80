"""How a file is read, as forms show it: the fields to say otherwise, and the words for what was detected."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import Depends, Form

from core.errors import InputRefused
from core.text import Text
from datasets.batches.models import IntakeOptions
from datasets.intake.guesses import ASPECT_NAMES, LOOK_BELOW, UNSPLIT, spoken

WORDS: Final[dict[str, Any]] = {"spoken": spoken, "aspect_names": ASPECT_NAMES, "look_below": LOOK_BELOW}
_DELIMITERS: Final = {"\\t": "\t", "tab": "\t", "制表符": "\t", "none": UNSPLIT, "无": UNSPLIT}
_Field = Annotated[str, Form(max_length=1000)]


def _said(
    encoding: _Field = "",
    delimiter: _Field = "",
    header_line: _Field = "",
    header_rows: _Field = "",
    sheet: _Field = "",
    member: _Field = "",
    fill_missing: Annotated[str, Form(max_length=10)] = "",
    file_format: Annotated[str, Form(alias="format", max_length=20)] = "",
    quote: _Field = "",
    zone: _Field = "",
) -> dict[str, str]:
    """The fields as typed; an empty one says that its aspect is to be detected."""
    split = _DELIMITERS.get(delimiter.strip().lower(), delimiter)
    said = {
        "encoding": encoding, "header_line": header_line, "header_rows": header_rows, "sheet": sheet, "member": member,
        "fill_missing": fill_missing,
        "format": file_format, "quote": quote, "zone": zone,
    }  # fmt: skip
    return {name: value.strip() for name, value in said.items()} | {"delimiter": split}


Said = Annotated[dict[str, str], Depends(_said)]


def options_of(said: dict[str, str]) -> IntakeOptions:
    """What the fields say, an empty one as None. Raises InputRefused."""
    try:
        return IntakeOptions.model_validate({name: value or None for name, value in said.items()})
    except ValueError:
        raise InputRefused(
            Text(
                "表头行须为不小于 0 的整数（0 表示没有表头），表头行数为 1 至 10；分隔符须为一个字符；时区写作 +08:00。",
                "The header line is a whole number from 0 (0 says that there is none), the header has 1 to 10 lines; the delimiter is one character; the zone is written like +08:00.",
            )
        ) from None
