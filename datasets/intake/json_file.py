"""A JSON file that somebody wrote by hand, as text; JSON is UTF-8, and a file that is not is told what it seems to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from core.errors import InputRefused
from core.text import Text
from datasets.intake.container import demand_file

LIKELY: Final = ("gb18030", "utf-16")


def json_text(path: Path, what: Text) -> str:
    """The text of a JSON file; what: the kind of thing it is, for the sentence of a refusal. Raises InputRefused."""
    demand_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputRefused(
            Text(
                f"读不到{what.zh} {path.name}：{error.strerror}；请检查路径。",
                f"Cannot read the {what.en} {path.name}: {error.strerror}; check the path.",
            )
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, what, content, error.start) from error


def _not_utf8(path: Path, what: Text, content: bytes, at: int) -> InputRefused:
    seems = next((name.upper() for name in LIKELY if _is_json(content, name)), None)
    zh = f"像是 {seems} 编码" if seems else f"第 {at + 1} 字节无法解码"
    en = f"it seems to be {seems}" if seems else f"byte {at + 1} cannot be decoded"
    return InputRefused(
        Text(
            f"{what.zh} {path.name} 不是 UTF-8 编码（{zh}）；JSON 须用 UTF-8，请另存为 UTF-8 后重试。",
            f"The {what.en} {path.name} is not in UTF-8 ({en}); JSON is written in UTF-8, save it as UTF-8 and try again.",
        )
    )


def _is_json(content: bytes, encoding: str) -> bool:
    try:
        json.loads(content.decode(encoding))
    except (ValueError, RecursionError):
        return False
    return True
