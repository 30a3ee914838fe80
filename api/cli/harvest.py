"""`datagrant harvest`: outside catalogues whose records are shown here as foreign."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Page

app = typer.Typer(
    help="Outside catalogues: add, approve, run, report, list, pause, resume, remove.", no_args_is_help=True
)
COLUMNS = ("id", "title", "form", "url", "schedule", "state", "records", "due_at", "failures")
RUNS = ("id", "asked_at", "is_dry", "state", "counts", "said")
ITEMS = ("result", "identifier", "title", "dataset_id", "why")
Source = Annotated[str, typer.Argument(help="Id of the outside catalogue")]


@app.command("add")
def add(
    form: Annotated[str, typer.Argument(help="ckan, csw, csw-3, oai-pmh, dcat, data-us, data-package or listing")],
    url: Annotated[str, typer.Argument(help="A portal's root for ckan, the service for csw, csw-3 and oai-pmh, else the document's address")],
    title: Annotated[str, typer.Option("--title", help="What people call it")],
    org: Annotated[str, typer.Option("--org", help="The department that answers for it here")],
    schedule: Annotated[str, typer.Option("--schedule", help="manual, every P1D, daily 06:30 (UTC+8)")] = "manual",
    header: Annotated[str, typer.Option("--header", help="The header that carries the credential")] = "",
    secret_env: Annotated[str, typer.Option("--secret-env", help="Environment variable that holds the credential; - reads standard input")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Propose an outside catalogue; a second person approves it."""
    secret = None
    if secret_env:
        secret = sys.stdin.readline().rstrip("\n") if secret_env == "-" else os.environ.get(secret_env)  # noqa: S105 - `-` is no secret
        if secret is None:
            raise typer.BadParameter(f"{secret_env}: no such environment variable 没有这个环境变量")
    body = {
        "form": form,
        "url": url,
        "title": title,
        "org_id": org,
        "schedule": schedule,
        "header": header or None,
        "secret": secret,
    }
    with connect(data_dir, server, token, user) as api:
        show(api.post("/harvests", body), as_json)


@app.command("run")
def run(
    source: Source, dry: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change")] = False,
    let_go: Annotated[bool, typer.Option("--let-go", help="Take all missing records as deleted, however many")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Harvest now; `datagrant harvest report` tells what came of it."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/harvests/{source}/run", {"dry": dry, "let_go": let_go}), as_json)


@app.command("report")
def report(
    source: Source, run_id: Annotated[str, typer.Argument(help="Id of the harvest; without it, the harvests are listed")] = "",
    result: Annotated[str, typer.Option("--result", help="created, changed, unchanged, gone, held or failed")] = "",
    words: Annotated[str, typer.Option("--q", help="Part of title or identifier")] = "",
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The harvests of a catalogue, or what became of each record in one."""
    with connect(data_dir, server, token, user) as api:
        if not run_id:
            return show(api.get(f"/harvests/{source}/runs", page=page, limit=limit), as_json, RUNS)
        found = api.get(
            f"/harvests/{source}/runs/{run_id}/items",
            result=result or None,
            q=words or None,
            page=page,
            limit=limit,
        )
        show(found, as_json, ITEMS)


@app.command("list")
def list_catalogues(
    state: Annotated[str, typer.Option("--state", help="proposed, active, paused or removed")] = "",
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Outside catalogues."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/harvests", state=state or None, limit=limit, page=page), as_json, COLUMNS)


@app.command("approve")
def approve(
    source: Source,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Let its records be published; never by whoever proposed it."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/harvests/{source}/approve"), as_json)


@app.command("pause")
def pause(
    source: Source,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Harvest no more until it is resumed."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/harvests/{source}/pause"), as_json)


@app.command("resume")
def resume(
    source: Source,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Harvest again."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/harvests/{source}/resume"), as_json)


@app.command("remove")
def remove(
    source: Source,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Harvest never again; its records stay."""
    with connect(data_dir, server, token, user) as api:
        show(api.delete(f"/harvests/{source}"), as_json)
