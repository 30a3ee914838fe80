"""`datagrant incident`: freeze at once, lift by another person."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Incidents: list, show, freeze, lift.", no_args_is_help=True)
COLUMNS = ("id", "target_kind", "target_id", "state", "reason", "created_at", "ended_at")
Why = Annotated[str, typer.Option("--reason", help="Why; shown to those concerned")]


@app.command("list")
def list_incidents(
    state: Annotated[str, typer.Option("--state", help="FROZEN or LIFTED")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What is frozen, and what was."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/incidents", state=state or None, limit=limit, offset=offset), as_json, COLUMNS)


@app.command("show")
def show_incident(
    incident_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One incident."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/incidents/{incident_id}"), as_json)


@app.command()
def freeze(
    kind: Annotated[str, typer.Argument(help="dataset, grant, organisation or platform")],
    target: Annotated[str, typer.Argument(help="Resource code, grant id or organisation id; all for the platform")],
    reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Stop all use of it now."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/incidents", {"target_kind": kind, "target_id": target, "reason": reason}), as_json)


@app.command()
def lift(
    incident_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End a freeze, as another person than the one who froze."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/incidents/{incident_id}/lift", {"note": reason}), as_json)
