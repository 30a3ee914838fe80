"""`datagrant audit`: read the record and check its chain."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="The audit record: list, verify.", no_args_is_help=True)
COLUMNS = ("seq", "at", "kind", "actor_name", "actor_org", "subject", "dataset_id")


@app.command("list")
def list_events(
    kind: Annotated[str, typer.Option("--kind", help="A kind (`grant.revoked`) or its first word (`grant`)")] = "",
    account: Annotated[str, typer.Option("--account", help="Who acted")] = "",
    subject: Annotated[str, typer.Option("--subject", help="Id of a grant, an application, …")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Only about this dataset")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 50,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Events, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/audit", kind=kind or None, account=account or None, subject=subject or None, dataset_id=dataset or None,
            limit=limit,
        )  # fmt: skip
        show(found, as_json, COLUMNS)


@app.command()
def verify(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Walk the whole chain. Exit code 1, and where, when it does not hold."""
    with connect(data_dir, server, token, user) as api:
        said = api.get("/audit/verify")
    if as_json:
        show(said, True)
    elif said["holds"]:
        print(f"{said['events']} events, unbroken; head {said['head']}")
    if not said["holds"]:
        fault = said["fault"]
        print(f"the chain breaks at event {fault['seq']}: {fault['what']}", file=sys.stderr)
        raise typer.Exit(1)
