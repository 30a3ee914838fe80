"""`datagrant trace FILE`: name the grant, person and time of a leaked file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

PART = 16 * 1024 * 1024
WHOLE = (b"PAR1", b"\x1f\x8b", b"PK", b"\xd0\xcf\x11\xe0")  # a part of which cannot be read


def command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Parquet, a workbook, CSV, JSON, GeoJSON or other text, packed or not, or a part of a text")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Name the grant that a leaked file left under; of a large text its first 16 MiB. Exit code 1 when nobody is named."""
    with file.open("rb") as source, connect(data_dir, server, token, user) as api:
        is_whole = source.read(4).startswith(WHOLE)
        source.seek(0)
        found = api.send("/traces", source if is_whole else source.read(PART))
        show(found, as_json)
        if not found["named"]:
            raise typer.Exit(1)
