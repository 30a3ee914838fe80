"""`datagrant delegation`: who decides or reviews for whom while somebody is away."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Deputies of deciders and reviewers: list, show, offer, accept, decline, end.", no_args_is_help=True
)
COLUMNS = (
    "id",
    "principal_name",
    "deputy_name",
    "role",
    "scope",
    "state",
    "starts_on",
    "ends_on",
    "counts_today",
)


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command("list")
def list_delegations(
    state: Annotated[str, typer.Option("--state", help="OFFERED, AGREED, DECLINED or ENDED")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Delegations to which you are a party, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/delegations", state=state or None, limit=limit, offset=offset), as_json, COLUMNS)


@app.command("show")
def show_delegation(
    delegation_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One delegation."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.get(f"/delegations/{delegation_id}"), as_json)


@app.command()
def offer(
    deputy: Annotated[str, typer.Argument(help="User name of the deputy")],
    since: Annotated[str, typer.Option("--from", help="First day, as 2026-03-02")],
    until: Annotated[str, typer.Option("--to", help="Last day, counted")],
    reason: Annotated[str, typer.Option("--reason", help="Why")],
    scope: Annotated[str, typer.Option("--scope", help="A department, or * for all that you have")] = "*",
    role: Annotated[str, typer.Option("--role", help="approver, reviewer_business or reviewer_security")] = "approver",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Name a deputy; it counts once he has agreed."""
    body = {
        "deputy": deputy,
        "role": role,
        "scope": scope,
        "starts_on": since,
        "ends_on": until,
        "reason": reason,
    }
    with connect(data_dir, server, token, user) as api:
        _tell(api.post("/delegations", body), as_json)


@app.command()
def accept(
    delegation_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Agree to stand in."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/delegations/{delegation_id}/accept", {}), as_json)


@app.command()
def decline(
    delegation_id: str, reason: Annotated[str, typer.Option("--reason", help="Why")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Decline to stand in."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/delegations/{delegation_id}/decline", {"note": reason}), as_json)


@app.command()
def end(
    delegation_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End it at once, as the principal or the deputy."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/delegations/{delegation_id}/end", {}), as_json)
