"""`datagrant enclave`: specifications that run inside and whose results leave after review."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.query import Purpose, asked
from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="The enclave: plan, submit, list, show, revise, approve, return, decline, withdraw.",
    no_args_is_help=True,
)
Spec = Annotated[
    str,
    typer.Option(
        "--spec",
        help='JSON, e.g. {"select":[{"kind":"count"}],"group_by":[{"column":"district"}],"where":null,"sort":[{"by":"count","descending":true}],"limit":100}',
    ),
]
Because = Annotated[str, typer.Option("--because", help="What the result is for; the steward reads it")]
Hash = Annotated[
    str, typer.Option("--spec-hash", help="Of the specification that you read, as `show` tells it")
]
Note = Annotated[str, typer.Option("--note", help="Why")]
_COLUMNS = ("id", "dataset_id", "state", "requested_name", "reviewed_name", "extract_id", "submitted_at")


@app.command("plan")
def plan(
    grant_id: str, spec: Spec, purpose: Purpose, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "",
    user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Whether the specification may be handed in; exit code 1 with every reason. Reads no row, takes nothing."""
    with connect(data_dir, server, token, user) as api:
        found = api.post("/enclave/plan", asked(api, grant_id, purpose, spec))
        show(found, as_json)
        if not found["permitted"]:
            raise typer.Exit(1)


@app.command("submit")
def submit(
    grant_id: str, spec: Spec, purpose: Purpose, because: Because, data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Hand a specification in for its review."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/enclave", {"spec": asked(api, grant_id, purpose, spec), "because": because}), as_json)


@app.command("list")
def list_enclave(
    limit: Limit = 50, offset: Offset = 0,
    state: str = "", grant: str = "", dataset: str = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Requests in sight, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/enclave",
            state=state or None,
            grant_id=grant or None,
            dataset_id=dataset or None,
            limit=limit,
            offset=offset,
        )
        show(found, as_json, _COLUMNS)


@app.command("show")
def show_enclave(
    enclave_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """One request: specification, history, what stands against it, what you may do."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/enclave/{enclave_id}"), as_json)


@app.command("revise")
def revise(
    enclave_id: str, spec: Spec, purpose: Purpose, because: Because, data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Hand a returned specification in again, changed."""
    with connect(data_dir, server, token, user) as api:
        grant_id = api.get(f"/enclave/{enclave_id}")["grant_id"]
        body = {"spec": asked(api, grant_id, purpose, spec), "because": because}
        show(api.step(f"/enclave/{enclave_id}/revise", body), as_json)


@app.command("approve")
def approve(
    enclave_id: str, spec_hash: Hash, note: Note = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Approve the specification that you read; it is computed inside at once."""
    _decide(enclave_id, "approve", spec_hash, note, (data_dir, server, token, user), as_json=as_json)


@app.command("return")
def return_(
    enclave_id: str, spec_hash: Hash, note: Note = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Return the specification for changes."""
    _decide(enclave_id, "return", spec_hash, note, (data_dir, server, token, user), as_json=as_json)


@app.command("decline")
def decline(
    enclave_id: str, spec_hash: Hash, note: Note = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Decline the specification."""
    _decide(enclave_id, "decline", spec_hash, note, (data_dir, server, token, user), as_json=as_json)


def _decide(
    enclave_id: str,
    decision: str,
    spec_hash: str,
    note: str,
    where: tuple[Path, str, str, str],
    *,
    as_json: bool,
) -> None:
    with connect(*where) as api:
        body = {"decision": decision, "spec_hash": spec_hash, "note": note}
        show(api.post(f"/enclave/{enclave_id}/decision", body), as_json)


@app.command("withdraw")
def withdraw(
    enclave_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take it back before it is released; what runs is stopped."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/enclave/{enclave_id}/withdraw", {}), as_json)
