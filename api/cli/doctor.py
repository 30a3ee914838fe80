"""`datagrant doctor`: is every stored file what it was?"""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show


def command(
    collect: Annotated[bool, typer.Option("--collect", help="Then remove files that nothing cites")] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it is done")] = True,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Read every stored file again and hold it against its digest. Exit code 1 when one is damaged or missing."""
    with connect(data_dir, server, token, user) as api:
        for route in ("/store/checks", *(("/store/collections",) if collect else ())):
            asked = api.post(route, {})
            if wait:
                api.wait(asked["job_id"], quiet=as_json)
        found = api.get("/store")
        show(found, as_json)
    check = (found["check"] or {}).get("result") or {}
    if check.get("damaged") or check.get("missing"):
        raise typer.Exit(1)
