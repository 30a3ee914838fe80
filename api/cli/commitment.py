"""`datagrant commitment`: commitments that were signed instead of papers."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Commitments instead of papers: list, show, break.", no_args_is_help=True)
COLUMNS = ("id", "org_id", "title_zh", "signer_zh", "state", "created_at", "ended_at")


@app.command("list")
def list_commitments(
    state: Annotated[str, typer.Option("--state", help="STANDING, KEPT or BROKEN")] = "",
    org: Annotated[str, typer.Option("--org", help="Of this organisation")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Commitments in your sight, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/commitments", state=state or None, org_id=org, limit=limit, offset=offset),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_commitment(
    commitment_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One commitment, with the text that was signed."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/commitments/{commitment_id}"), as_json)


@app.command("break")
def break_commitment(
    commitment_id: str,
    reason: Annotated[str, typer.Option("--reason", help="What was found")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Establish that it is broken: the paper itself is due, and deciders see it."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/commitments/{commitment_id}/break", {"note": reason}), as_json, COLUMNS)
