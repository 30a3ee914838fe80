"""`datagrant vouch`: for whom an enterprise stands."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Vouching for members: list, show, give, end.", no_args_is_help=True)
COLUMNS = ("id", "username", "org_id", "standing", "until")


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command("list")
def list_vouches(
    state: Annotated[str, typer.Option("--state", help="VOUCHED or ENDED")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Vouchings in your sight, newest first; with --json also the analysts of your organisation who lack one."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/vouches", state=state or None, limit=limit, offset=offset), as_json, COLUMNS)


@app.command("show")
def show_vouch(
    vouch_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One vouching."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/vouches/{vouch_id}"), as_json)


@app.command()
def give(
    username: Annotated[str, typer.Argument(help="User name of a member of your organisation")],
    until: Annotated[str, typer.Option("--until", help="The last day, as 2026-12-31; a year ahead at most")],
    note: Annotated[str, typer.Option("--note", help="What the others should know")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Vouch for a member, as the organisation's officer."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.post("/vouches", {"username": username, "until": until, "note": note}), as_json)


@app.command()
def end(
    vouch_id: str,
    note: Annotated[str, typer.Option("--note", help="Why")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End it; the member uses none of the organisation's grants from now on."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/vouches/{vouch_id}/end", {"note": note}), as_json)
