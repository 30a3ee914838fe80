"""`datagrant trace FILE`: name the grant, person and time of a leaked file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

PART = 16 * 1024 * 1024


def command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Parquet, CSV or other text, or a part of one")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Name the grant that a leaked file left under; of a large text its first 16 MiB. Exit code 1 when nobody is named."""
    with file.open("rb") as source:
        body = source.read(PART + 1)
    with connect(data_dir, server, token, user) as api:
        found = api.send("/traces", body if body.startswith(b"PAR1") else body[:PART])
        show(found, as_json)
        if not found["named"]:
            raise typer.Exit(1)
