"""`datagrant erasure`: erasing a person's data, by request and with a second person."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Erasing personal data: list, show, ask, erase, refuse, withdraw.", no_args_is_help=True
)
COLUMNS = ("id", "username", "state", "reason", "kept", "changed", "asked_by", "created_at")
Note = Annotated[str, typer.Option("--reason", help="Why")]


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command("list")
def list_erasures(
    state: Annotated[str, typer.Option("--state", help="ASKED, ERASED, REFUSED or WITHDRAWN")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Requests that you made or that concern you, newest first; administrators and the auditor see all."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/erasures", state=state or None, limit=limit, offset=offset), as_json, COLUMNS)


@app.command("show")
def show_erasure(
    erasure_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One request, with what law keeps of the person now."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/erasures/{erasure_id}"), as_json)


@app.command()
def ask(
    username: Annotated[str, typer.Argument(help="Whose data; empty: your own")] = "", reason: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask for erasure; a second person decides."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.post("/erasures", {"username": username, "reason": reason}), as_json)


def _step(step: str, what: str) -> None:
    def command(
        erasure_id: str, reason: Note = "",
        data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
    ) -> None:  # fmt: skip
        with connect(data_dir, server, token, user) as api:
            _tell(api.step(f"/erasures/{erasure_id}/{step}", {"note": reason}), as_json)

    command.__doc__ = what
    app.command(step)(command)


_step("erase", "Erase, as a second person; refused with every reason why law keeps something.")
_step("refuse", "Refuse; what law keeps is written down with it.")
_step("withdraw", "Withdraw the request, as the one who asked or the person.")
