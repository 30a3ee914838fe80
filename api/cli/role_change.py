"""`datagrant role-change …`: changes of roles that take two people, and break-glass."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(no_args_is_help=True, help="Role changes that wait for a second person; break-glass.")
Change = Annotated[str, typer.Argument(help="Id of the change")]
COLUMNS = ("id", "kind", "username", "role", "scope", "asked_by", "state", "expires_at")


@app.command("list")
def list_(
    waiting: Annotated[bool, typer.Option(help="Only those still to be answered")] = False,
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Changes, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/role-changes", waiting=waiting, limit=limit, offset=offset), as_json, COLUMNS)


@app.command()
def confirm(
    change_id: Change,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Agree, as a person who neither asked nor is concerned."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/role-changes/{change_id}/confirm"), as_json)


@app.command()
def refuse(
    change_id: Change,
    note: Annotated[str, typer.Option("--note", help="Why")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say no; or take one's own request back."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/role-changes/{change_id}/refuse", {"note": note}), as_json)


@app.command("break-glass")
def break_glass(
    who: Annotated[str, typer.Argument(help="User name that gets the role")],
    role: Annotated[str, typer.Argument(help="Role, for example security_officer")],
    reason: Annotated[str, typer.Option(help="Why; shown on every page while it lasts")],
    hours: Annotated[int, typer.Option(help="1 to 8")] = 2,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask for a role for a few hours; another system administrator or security officer confirms."""
    body = {"username": who, "role": role, "hours": hours, "reason": reason}
    with connect(data_dir, server, token, user) as api:
        show(api.post("/break-glass", body), as_json)


@app.command("close-glass")
def close_glass(
    change_id: Change,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End a break-glass before its time."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/break-glass/{change_id}/close"), as_json)
