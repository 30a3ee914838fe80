"""What an archive holds, as commands show it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import AppError
from core.text import Lang, Text

if TYPE_CHECKING:
    from datasets.intake.dictionary import Dictionary
    from datasets.intake.listing import Listing

SHOWN = 50


def listing_of(source: Path, known: Dictionary, refused: AppError) -> Listing | None:
    """The archive's members, where a refusal says that one has to be chosen."""
    from datasets.intake.listing import list_members

    if not refused.facts.get("members"):
        return None
    try:
        return list_members(source, known)
    except AppError:
        return None


def print_members(found: list[dict[str, Any]], total: int, lang: Lang = "zh") -> None:
    """A table on stderr: name, size, format, columns, why not."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    heads = (Text("成员", "member"), Text("字节", "bytes"), Text("格式", "format"), Text("列", "columns"))
    title = Text(f"压缩包内 {total} 个文件", f"{total} members").in_(lang)
    table = Table(*(each.in_(lang) for each in heads), title=title, title_justify="left")
    for each in found[:SHOWN]:
        columns = each["columns"] or []
        shown = ", ".join(columns[:8]) + ("…" if len(columns) > 8 else "")
        if each["refused"]:
            shown = each["refused"][lang]
        table.add_row(escape(each["name"]), str(each["bytes"]), each["format"] or "", escape(shown))
    Console(file=sys.stderr, highlight=False).print(table)
    if total > SHOWN:
        print("…", file=sys.stderr)
