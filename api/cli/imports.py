"""`datagrant imports`: the import mode, while which records loaded through CKAN's API stand published at once."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Import mode of the catalogue: open, prolong, close, list.", no_args_is_help=True)
COLUMNS = ("opened_at", "reason", "ends_at", "closed_at", "records", "is_open")


@app.command("open")
def open_import(
    reason: Annotated[str, typer.Option("--reason", help="Why; goes into the audit record")],
    minutes: Annotated[int, typer.Option("--minutes", help="When it closes by itself, 1440 at most")] = 60,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let records in as they are, for a while."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/imports", {"reason": reason, "minutes": minutes}), as_json)


@app.command("prolong")
def prolong_import(
    minutes: Annotated[int, typer.Option("--minutes", help="When it closes by itself, counted from now; a day after its opening at most")] = 60,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let the open one end later: a load takes longer than was thought."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/imports/prolong", {"minutes": minutes}), as_json)


@app.command("close")
def close_import(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End it before its time."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/imports/close"), as_json)


@app.command("list")
def list_imports(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Every opening: who, why, how many records."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/imports"), as_json, COLUMNS)
