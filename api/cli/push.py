"""`datagrant push`: CKAN portals that show our public records."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Page

app = typer.Typer(
    help="CKAN portals that show our public records: add, approve, run, report, records, list, pause, resume, remove.",
    no_args_is_help=True,
)
COLUMNS = (
    "id",
    "title",
    "url",
    "portal_org",
    "reach",
    "schedule",
    "state",
    "records",
    "drifted",
    "due_at",
    "failures",
)
RUNS = ("id", "asked_at", "mode", "is_dry", "state", "counts", "said")
RESULTS = ("result", "dataset_id", "title", "name", "why")
ITEMS = ("dataset_id", "portal_id", "pushed_at", "drift")
Target = Annotated[str, typer.Argument(help="Id of the portal")]


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="The portal's root")],
    title: Annotated[str, typer.Option("--title", help="What people call it")],
    org: Annotated[str, typer.Option("--org", help="The department that answers for it here")],
    portal_org: Annotated[str, typer.Option("--portal-org", help="The organisation there, by name or id")],
    secret_env: Annotated[str, typer.Option("--secret-env", help="Environment variable that holds the token there; - reads standard input")],
    prefix: Annotated[str, typer.Option("--prefix", help="Before the names of our records there")] = "",
    reach: Annotated[str, typer.Option("--reach", help="department or all")] = "department",
    every_public: Annotated[bool, typer.Option("--all-public", help="Also datasets under conditions; their data stay here")] = False,
    schedule: Annotated[str, typer.Option("--schedule", help="manual, every P1D, daily 06:30 (UTC+8)")] = "manual",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Propose a portal; a second person approves it."""
    secret = sys.stdin.readline().rstrip("\n") if secret_env == "-" else os.environ.get(secret_env)  # noqa: S105 - `-` is no secret
    if secret is None:
        raise typer.BadParameter(f"{secret_env}: no such environment variable 没有这个环境变量")
    body = {
        "url": url, "title": title, "org_id": org, "portal_org": portal_org, "prefix": prefix, "reach": reach,
        "only_open": not every_public, "schedule": schedule, "secret": secret,
    }  # fmt: skip
    with connect(data_dir, server, token, user) as api:
        show(api.post("/pushes", body), as_json)


@app.command("run")
def run(
    target: Target, dry: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also what the portal's people changed or deleted there")] = False,
    take_back: Annotated[bool, typer.Option("--take-back", help="Delete all our records there, and pause")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Push now; `datagrant push report` tells what came of it."""
    with connect(data_dir, server, token, user) as api:
        asked = {"dry": dry, "overwrite": overwrite, "take_back": take_back}
        show(api.post(f"/pushes/{target}/run", asked), as_json)


@app.command("report")
def report(
    target: Target, run_id: Annotated[str, typer.Argument(help="Id of the push; without it, the pushes are listed")] = "",
    result: Annotated[str, typer.Option("--result", help="created, changed, unchanged, gone, held or failed")] = "",
    words: Annotated[str, typer.Option("--q", help="Part of title or code")] = "",
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The pushes to a portal, or what became of each record in one."""
    with connect(data_dir, server, token, user) as api:
        if not run_id:
            return show(api.get(f"/pushes/{target}/runs", page=page, limit=limit), as_json, RUNS)
        asked = {"result": result or None, "q": words or None}
        show(
            api.get(f"/pushes/{target}/runs/{run_id}/items", **asked, limit=limit, page=page),
            as_json,
            RESULTS,
        )


@app.command("records")
def records(
    target: Target, drifted: Annotated[bool, typer.Option("--drifted", help="Only what was changed there since")] = False,
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Our records at a portal, with what was changed there since they were sent."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/pushes/{target}/records", drifted=drifted, page=page, limit=limit), as_json, ITEMS)


@app.command("list")
def list_portals(
    state: Annotated[str, typer.Option("--state", help="proposed, active, paused or removed")] = "",
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Portals."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/pushes", state=state or None, limit=limit, page=page), as_json, COLUMNS)


@app.command("approve")
def approve(
    target: Target, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let our records go there; never by whoever proposed it."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/pushes/{target}/approve"), as_json)


@app.command("pause")
def pause(
    target: Target, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Push no more until it is resumed."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/pushes/{target}/pause"), as_json)


@app.command("resume")
def resume(
    target: Target, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Push again."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/pushes/{target}/resume"), as_json)


@app.command("remove")
def remove(
    target: Target, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Push never again; what stands there stays unless it was taken back before."""
    with connect(data_dir, server, token, user) as api:
        show(api.delete(f"/pushes/{target}"), as_json)
