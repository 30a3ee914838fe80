"""`datagrant link`: links of records, and whether they still lead somewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Links of records: list, look.", no_args_is_help=True)


@app.command("list")
def list_links(
    outcome: Annotated[str, typer.Option("--outcome", help="broken | unsure | good | new")] = "",
    host: Annotated[str, typer.Option("--host", help="Of this host")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Resource code")] = "",
    limit: Limit = 50, offset: Offset = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Write all of them as CSV")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Links of your departments' records, broken ones first."""
    given = {"outcome": outcome, "host": host, "dataset_id": dataset}
    asked = {key: value for key, value in given.items() if value}
    with connect(data_dir, server, token, user) as api:
        if out is not None:
            text = api.text(f"/links?{urlencode(asked | {'format': 'csv'})}")
            out.write_text(text, encoding="utf-8", newline="")
            return
        columns = ("dataset_id", "place", "url", "outcome", "status", "since", "last_good", "looked_at")
        show(api.get("/links", **asked, limit=limit, offset=offset), as_json, columns)


@app.command()
def look(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Look at links now, as many as the installation lets a day; waits for the end."""
    with connect(data_dir, server, token, user) as api:
        show(api.wait(api.post("/links/look", {})["id"], quiet=as_json), as_json)
