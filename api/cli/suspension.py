"""`datagrant suspension`: grants that somebody found reason to suspend, and the security officer's answer."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Proposals to suspend grants: list, show, suspend, dismiss.", no_args_is_help=True)
COLUMNS = ("id", "grant_id", "org_id", "dataset_id", "found", "state", "created_at")


@app.command("list")
def list_suspensions(
    state: Annotated[str, typer.Option("--state", help="OPEN, SUSPENDED or DISMISSED")] = "",
    grant: Annotated[str, typer.Option("--grant", help="Only this grant")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Proposals in your sight, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/suspensions", state=state or None, grant_id=grant or None, limit=limit, offset=offset),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_suspension(
    suspension_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One proposal, with what was found."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/suspensions/{suspension_id}"), as_json)


@app.command("suspend")
def carry_out(
    suspension_id: str,
    reason: Annotated[str, typer.Option("--reason", help="What is to be added to what was found")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Suspend the grant for what was found."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/suspensions/{suspension_id}/suspend", {"note": reason}), as_json, COLUMNS)


@app.command()
def dismiss(
    suspension_id: str,
    reason: Annotated[str, typer.Option("--reason", help="Why the grant may go on")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let the grant go on."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/suspensions/{suspension_id}/dismiss", {"note": reason}), as_json, COLUMNS)
