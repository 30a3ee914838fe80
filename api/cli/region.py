"""`datagrant region`: codes of administrative divisions (GB/T 2260)."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show


def command(
    word: Annotated[str, typer.Argument(help="A name, a part of it, or digits; six digits show one with what lies below; left out: the provinces")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Look up a division: its code, its full name, what lies in it."""
    columns = ("code", "zh", "en")
    with connect(data_dir, server, token, user) as api:
        if len(word) == 6 and word.isdecimal():
            found = api.get(f"/regions/{word}")
            if as_json:
                show(found, True)
                return
            show({key: found[key] for key in ("code", "zh", "en", "parent")}, False)
            show({"items": found["children"]}, False, columns)
            return
        show(api.get("/regions", q=word, limit=200), as_json, columns)
