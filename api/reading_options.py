"""How a file is read, as commands take it: the same options wherever a file is handed in, checked or looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datasets.intake.dictionary import Dictionary

Encoding = Annotated[str, typer.Option("--encoding", help="Read the text in this encoding")]
Delimiter = Annotated[
    str,
    typer.Option(
        "--delimiter", help="Split the lines at this character; tab for a tabulator, none for not at all"
    ),
]
HeaderLine = Annotated[int, typer.Option("--header-line", help="Line of the header, from 1; 0 for none")]
HeaderRows = Annotated[
    int, typer.Option("--header-rows", help="How many lines make up the header, --header-line being the last")
]
Sheet = Annotated[str, typer.Option("--sheet", help="Read this sheet: its name, or its number from 1")]
Member = Annotated[
    str,
    typer.Option(
        "--member", help="Read this member of the archive; a pattern (*, *.csv) reads several as one table"
    ),
]
FillMissing = Annotated[
    bool,
    typer.Option(
        "--fill-missing", help="Of several members: leave empty what one of them lacks, instead of refusing"
    ),
]
Format = Annotated[str, typer.Option("--format", help="Read a text as csv, tsv, json, jsonl or geojson")]
QuoteMark = Annotated[
    str, typer.Option("--quote", help="Mark around cells: \" or ', or none where marks are text")
]
Zone = Annotated[
    str,
    typer.Option(
        "--zone", help="Offset (+08:00) of times without one where others carry one; written leaves them"
    ),
]
_DELIMITERS = {"tab": "\t", "\\t": "\t", "none": "\n"}


def reading(**given: str | int) -> dict[str, Any]:
    """What was said about how to read a file, as the service wants it; what was not said is left out."""
    said = {key: value for key, value in given.items() if value not in ("", -1) and value is not False}
    if "delimiter" in said:
        said["delimiter"] = _DELIMITERS.get(str(said["delimiter"]).lower(), said["delimiter"])
    return said


def told(path: Path | None, **given: str | int) -> Dictionary:
    """The dictionary file, if there is one, with what was said on the command line over it. Raises InputRefused."""
    from pydantic import ValidationError

    from core.errors import InputRefused
    from core.text import Text
    from datasets.intake.dictionary import Dictionary

    known = Dictionary.load(path) if path is not None else Dictionary()
    try:
        return Dictionary.model_validate(known.model_dump(exclude_unset=True) | reading(**given))
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise InputRefused(
            Text(
                f"{option} 的值有误（{first['msg']}）；见 --help。",
                f"The value of {option} is wrong ({first['msg']}); see --help.",
            )
        ) from error
