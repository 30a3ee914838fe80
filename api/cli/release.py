"""`datagrant release`: publish, look, verdict, withdraw, download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Releases: publish, list, show, verdict, withdraw, download.", no_args_is_help=True)
RULE_COLUMNS = ("place", "rule_zh", "rule_en", "severity", "outcome", "pass_rate", "unexpected_count")
COLUMNS = ("id", "dataset_id", "number", "state", "rows", "size_bytes", "sha256", "published_at")


@app.command()
def publish(
    batch_id: str,
    note: Annotated[str, typer.Option("--note", help="What is new in this release")] = "",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it is published; exit 1 if it is not")
    ] = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Publish a checked batch, as a second person."""
    with connect(data_dir, server, token, user) as api:
        release = api.post("/releases", {"batch_id": batch_id, "note": note})
        if wait:
            api.wait(release["job_id"], quiet=as_json)
            release = api.get(f"/releases/{release['id']}")
        show(
            release if as_json else {name: release[name] for name in (*COLUMNS, "job_id", "problem")}, as_json
        )
        if wait and release["state"] == "failed":
            raise typer.Exit(1)


@app.command("list")
def list_releases(
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Releases, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/releases", dataset_id=dataset or None), as_json, COLUMNS)


@app.command("show")
def show_release(
    release_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """One release."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/releases/{release_id}"), as_json)


@app.command()
def verdict(
    release_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """The verdict by which a release was published, rule by rule."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/releases/{release_id}/verdict")
        show(found if as_json else found["rules"], as_json, RULE_COLUMNS)


@app.command()
def withdraw(
    release_id: str,
    reason: Annotated[str, typer.Option("--reason", help="Why; the tombstone keeps it")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Stop every delivery of a release at once."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/releases/{release_id}/withdraw", {"reason": reason}), as_json)


@app.command()
def download(
    release_id: str,
    out: Annotated[Path, typer.Option("--out", help="Where the file goes")],
    form: Annotated[str, typer.Option("--format", help="parquet | csv")] = "parquet",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Download a release that is open without condition."""
    with connect(data_dir, server, token, user) as api:
        print(api.download(f"/releases/{release_id}/file?format={form}", out))
