"""`datagrant preview`: look at a file before it is handed in, without a server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.members import listing_of, print_members
from api.reading_options import (
    Delimiter,
    Encoding,
    FillMissing,
    Format,
    HeaderLine,
    HeaderRows,
    Member,
    QuoteMark,
    Sheet,
    Zone,
    told,
)
from core.errors import AppError
from core.text import Lang, Text

REFUSED = 2
SHOWN_CELLS = 8
SHOWN_CHARS = 24
SHOWN_SUSPICIOUS = 30


def preview(
    file: Annotated[Path, typer.Argument(help="The table: CSV, Excel, ODS, JSON, GeoJSON or Parquet, also in gzip or zip.")],
    rows: Annotated[int, typer.Option("--rows", min=1, max=200, help="How many first and how many last rows.")] = 10,
    dictionary: Annotated[Path | None, typer.Option(help="Data dictionary (JSON); without it all is detected.")] = None,
    encoding: Encoding = "",
    delimiter: Delimiter = "",
    header_line: HeaderLine = -1,
    header_rows: HeaderRows = -1,
    sheet: Sheet = "",
    member: Member = "",
    fill_missing: FillMissing = False,
    file_format: Format = "",
    quote: QuoteMark = "",
    zone: Zone = "",
    lang: Annotated[str, typer.Option(help="Language of what is printed: zh or en.")] = "zh",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:  # fmt: skip
    """First and last rows as typed, column types, suspicious cells. Of an archive with several members: what they are. Exit 0: read, 2: refused; nothing is kept."""
    from datasets.intake.dictionary import Dictionary
    from datasets.intake.preview import preview_file

    spoken: Lang = "en" if lang == "en" else "zh"
    known: Dictionary | None = None
    try:
        known = told(
            dictionary, encoding=encoding, delimiter=delimiter, header_line=header_line,
            header_rows=header_rows, sheet=sheet, member=member, fill_missing=fill_missing,
            format=file_format, quote=quote, zone=zone,
        )  # fmt: skip
        found = preview_file(file, known, rows).model_dump(mode="json")
    except AppError as refused:
        typer.echo(refused.detail.in_(spoken), err=True)
        if listing := listing_of(file, known or Dictionary(), refused):
            said = listing.model_dump(mode="json")
            if as_json:
                print(json.dumps(said, ensure_ascii=False, indent=2))
            else:
                print_members(said["members"], listing.total, spoken)
        raise typer.Exit(REFUSED) from None
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print_preview(found, found["input"]["detection"], spoken)


command = preview


def print_preview(found: dict[str, Any], detection: list[dict[str, Any]], lang: Lang = "zh") -> None:
    """A preview as tables: what was detected, the columns, the rows, what looks suspicious."""
    _print(
        Text("识别结果", "Detected"), lang,
        [Text("项目", "what"), Text("结果", "value"), Text("把握", "sure"), Text("依据", "why"), Text("也可能", "maybe")],
        [_detected(guess, lang) for guess in detection],
    )  # fmt: skip
    number = len(found["columns"])
    _print(
        Text(f"{number} 列，{found['rows']} 行", f"{number} columns, {found['rows']} rows"), lang,
        [Text("列", "column"), Text("类型", "type"), Text("空值", "nulls"), Text("无法定型", "not typeable")],
        [[each["name"], each["type"], each["nulls"], each["untyped"]] for each in found["columns"]],
    )  # fmt: skip
    names = [each["name"] for each in found["columns"]][:SHOWN_CELLS]
    for title, which in ((Text("前若干行", "First rows"), "first"), (Text("后若干行", "Last rows"), "last")):
        if found[which]:
            lines = [[_place(row), *map(_brief, row["cells"][:SHOWN_CELLS])] for row in found[which]]
            _print(title, lang, [Text("行", "line"), *names], lines)
    if found["suspicious"]:
        shown = [
            [_place(each), each["column"], _brief(each["value"]), each["text"][lang]]
            for each in found["suspicious"][:SHOWN_SUSPICIOUS]
        ]
        _print(
            Text(f"可疑之处 {found['suspicious_total']} 个", f"To look at: {found['suspicious_total']}"), lang,
            [Text("行", "line"), Text("列", "column"), Text("值", "value"), Text("说明", "what")],
            shown,
        )  # fmt: skip


def _print(title: Text, lang: Lang, heads: Sequence[Text | str], lines: Sequence[Sequence[object]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    said = (head.in_(lang) if isinstance(head, Text) else escape(head) for head in heads)
    table = Table(*said, title=title.in_(lang), title_justify="left")
    for line in lines:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in line))
    Console(highlight=False).print(table)


def _detected(guess: dict[str, Any], lang: Lang) -> list[str]:
    """One conclusion; a question mark stands behind those that a person should look at."""
    from datasets.intake.guesses import ASPECT_NAMES, LOOK_BELOW, spoken

    aspect, confidence = guess["aspect"], guess["confidence"]
    sure = f"{confidence:.0%}{' ?' if confidence < LOOK_BELOW else ''}"
    others = (spoken(aspect, each["value"]).in_(lang) for each in guess["alternatives"])
    return [
        ASPECT_NAMES[aspect].in_(lang), spoken(aspect, guess["value"]).in_(lang),
        Text("指定", "told").in_(lang) if guess["told"] else sure, guess["why"][lang], ", ".join(others),
    ]  # fmt: skip


def _place(each: dict[str, Any]) -> str:
    """The line, or the record's number where lines do not follow it; with its member where there are several."""
    place = str(each["line"] or each["row"] or "")
    return f"{each['member']} {place}" if each.get("member") else place


def _brief(value: object) -> str:
    """One cell for a terminal: short, with what is invisible spelt out."""
    if value is None:
        return "·"
    spelt = (char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(value))
    text = "".join(spelt)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"
