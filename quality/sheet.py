"""What a correction sheet looks like, for the writer and the reader of it."""

from __future__ import annotations

from typing import Final

ROW: Final = "__row__"
DATA_SHEET: Final = "更正 Correction"
RULE_SHEET: Final = "规则 Rules"
KEY_TITLE: Final = "行号 Row"
FAULT_TITLE: Final = "问题 Problem"
HEADER_LINES: Final = 2
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")


def defused(text: str) -> str:
    """Text that no spreadsheet runs as a formula, wherever it is saved to."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def armed(text: str) -> str:
    """The text as it was before it was defused."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text
