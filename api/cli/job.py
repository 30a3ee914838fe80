"""`datagrant job`: long work."""

from __future__ import annotations

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import After, Limit

app = typer.Typer(help="Long work: list, show, cancel.", no_args_is_help=True)


@app.command("list")
def list_jobs(
    state: str = typer.Option("", help="queued | running | done | failed | cancelled"),
    limit: Limit = 50,
    after: After = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Jobs, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/jobs", state=state or None, limit=limit, after=after or None)
        show(found, as_json, ("id", "kind", "subject", "state", "progress", "message_en", "created_at"))


@app.command("show")
def show_job(
    job_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """One job."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/jobs/{job_id}"), as_json)


@app.command("cancel")
def cancel_job(
    job_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Ask a job to stop at its next safe point."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/jobs/{job_id}/cancel"), as_json)
