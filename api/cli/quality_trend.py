"""`datagrant quality-trend`: how well departments describe and deliver their data, from day to day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlencode

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

_POINT = ("day", "records", "points", "filled", "releases", "quality", "pass_rate")
_STANDING = (
    "publisher", "publisher_zh", "records", "points", "points_change", "quality", "quality_change", "pass_rate", "pass_rate_change", "since",
)  # fmt: skip


def command(
    publisher: Annotated[str, typer.Argument(help="Department; left out: all of them as they stand")] = "",
    since: Annotated[str, typer.Option("--since", help="From this day, 2026-01-01")] = "",
    until: Annotated[str, typer.Option("--until", help="To this day")] = "",
    by: Annotated[str, typer.Option("--by", help="month | day")] = "month",
    out: Annotated[Path | None, typer.Option("--out", help="Write it as CSV")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Metadata points, scores of the data and rules fulfilled, of one department by day or month, or of all as they stand."""
    path = f"/quality-trend/{quote(publisher, safe='')}" if publisher else "/quality-trend"
    asked = {"since": since or None, "until": until or None, "by": by} if publisher else {}
    with connect(data_dir, server, token, user) as api:
        if out is not None:
            given = urlencode({key: value for key, value in asked.items() if value} | {"format": "csv"})
            out.write_text(api.text(f"{path}?{given}"), encoding="utf-8", newline="")
            return
        show(api.get(path, **asked), as_json, _POINT if publisher else _STANDING)
