"""`datagrant source`: folders, addresses and tables that the service looks into by itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import After, Limit, Page

app = typer.Typer(
    help="Sources besides upload: add, list, show, test, run, pause, resume, remove.", no_args_is_help=True
)
COLUMNS = (
    "id",
    "dataset_id",
    "name",
    "kind",
    "address",
    "schedule",
    "state",
    "due_at",
    "last_outcome",
    "failures",
)
RUNS = ("asked_at", "outcome", "said", "job_id")
add = typer.Typer(help="Configure a source: folder, http, postgres or s3.", no_args_is_help=True)
app.add_typer(add, name="add")

Dataset = Annotated[str, typer.Option("--dataset", help="Resource code of the dataset")]
Name = Annotated[str, typer.Option("--name", help="What people call the source")]
Schedule = Annotated[
    str,
    typer.Option(
        "--schedule", help="manual, frequency (as the record says), every PT15M, daily 06:30 (UTC+8)"
    ),
]
SecretEnv = Annotated[
    str,
    typer.Option(
        "--secret-env", help="Environment variable that holds the credential; - reads it from standard input"
    ),
]


def _secret(named: str) -> str | None:
    """The credential, which never stands in the command itself: its line can be read by others."""
    if not named:
        return None
    if named == "-":
        return sys.stdin.readline().rstrip("\n")
    if (value := os.environ.get(named)) is None:
        raise typer.BadParameter(f"{named}: no such environment variable 没有这个环境变量")
    return value


def _add(
    api_options: tuple[Path, str, str, str],
    as_json: bool,
    config: dict[str, Any],
    secret_env: str,
    **fields: str,
) -> None:
    body = fields | {"config": config, "secret": _secret(secret_env)}
    with connect(*api_options) as api:
        made = api.post("/sources", body)
        show(made if as_json else {name: made[name] for name in COLUMNS}, as_json)


@add.command("http")
def add_http(
    url: Annotated[str, typer.Argument(help="The address; {secret} in it stands for the credential")],
    dataset: Dataset, name: Name, schedule: Schedule = "frequency",
    header: Annotated[str, typer.Option("--header", help="The header that carries the credential")] = "",
    secret_env: SecretEnv = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """A file at an HTTP or HTTPS address."""
    config = {"kind": "http", "url": url, "header": header or None}
    _add(
        (data_dir, server, token, user),
        as_json,
        config,
        secret_env,
        dataset_id=dataset,
        name=name,
        schedule=schedule,
    )


@add.command("folder")
def add_folder(
    path: Annotated[str, typer.Argument(help="The folder inside the department's own; '' for that one itself")],
    dataset: Dataset, name: Name, schedule: Schedule = "every PT5M",
    pattern: Annotated[str, typer.Option("--pattern", help="Which files count")] = "*",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A folder under the installation's root for folders."""
    config = {"kind": "folder", "path": path, "pattern": pattern}
    _add(
        (data_dir, server, token, user), as_json, config, "", dataset_id=dataset, name=name, schedule=schedule
    )


@add.command("postgres")
def add_postgres(
    host: str, dataset: Dataset, name: Name,
    database: Annotated[str, typer.Option("--database")],
    db_user: Annotated[str, typer.Option("--db-user", help="An account that may only read")],
    table: Annotated[str, typer.Option("--table", help="schema.table")] = "",
    query: Annotated[str, typer.Option("--query", help="One SELECT; ORDER BY a key, so that the same rows are the same bytes")] = "",
    port: Annotated[int, typer.Option("--port")] = 5432,
    tls: Annotated[str, typer.Option("--tls", help="prefer, require or verify-full")] = "prefer",
    schedule: Schedule = "frequency", secret_env: SecretEnv = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A table or a query in PostgreSQL."""
    config = {
        "kind": "postgres", "host": host, "port": port, "database": database, "user": db_user, "tls": tls,
        "table": table or None, "query": query or None,
    }  # fmt: skip
    _add(
        (data_dir, server, token, user),
        as_json,
        config,
        secret_env,
        dataset_id=dataset,
        name=name,
        schedule=schedule,
    )


@add.command("s3")
def add_s3(
    store: Annotated[str, typer.Argument(help="A store that the administrator named")],
    bucket: str, dataset: Dataset, name: Name,
    prefix: Annotated[str, typer.Option("--prefix", help="Only objects under it")] = "",
    pattern: Annotated[str, typer.Option("--pattern", help="Which names count")] = "*",
    newest: Annotated[bool, typer.Option("--newest", help="Only the newest object")] = False,
    schedule: Schedule = "frequency", secret_env: SecretEnv = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Objects under a prefix of an S3-compatible store; the credential reads ACCESS_KEY:SECRET_KEY."""
    config = {
        "kind": "s3", "store": store, "bucket": bucket, "prefix": prefix, "pattern": pattern,
        "pick": "newest" if newest else "each",
    }  # fmt: skip
    _add(
        (data_dir, server, token, user),
        as_json,
        config,
        secret_env,
        dataset_id=dataset,
        name=name,
        schedule=schedule,
    )


@app.command("list")
def list_sources(
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    state: Annotated[str, typer.Option("--state", help="active, paused or removed")] = "",
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Sources of one's department."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/sources", dataset_id=dataset or None, state=state or None, limit=limit, page=page),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_source(
    source_id: str, limit: Limit = 20, after: After = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One source with its latest looks."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/sources/{source_id}")
        runs = api.get(f"/sources/{source_id}/runs", limit=limit, after=after or None)
        if as_json:
            show(found | {"runs": runs["items"]}, True)
            return
        show({name: found[name] for name in (*COLUMNS, "config", "has_secret", "paused_why")}, False)
        show(runs, False, RUNS)


@app.command("test")
def try_source(
    source_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Look into it and take nothing; exit 1 when it cannot be reached."""
    with connect(data_dir, server, token, user) as api:
        tested = api.post(f"/sources/{source_id}/test")
        show(tested, as_json)
        if not tested["ok"]:
            raise typer.Exit(1)


@app.command("run")
def run_source(
    source_id: str, wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit 1 when it failed")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Look into it now."""
    with connect(data_dir, server, token, user) as api:
        run = api.post(f"/sources/{source_id}/run")
        if wait:
            api.wait(run["job_id"], quiet=as_json)
            runs = api.get(f"/sources/{source_id}/runs")["items"]
            run = next(each for each in runs if each["id"] == run["id"])
        show(run, as_json)
        if wait and run["outcome"] in ("failed", "cancelled"):
            raise typer.Exit(1)


def _step(step: str, source_id: str, api_options: tuple[Path, str, str, str], as_json: bool) -> None:
    with connect(*api_options) as api:
        at = f"/sources/{source_id}"
        done = api.delete(at) if step == "remove" else api.post(f"{at}/{step}")
        show(done if as_json else {name: done[name] for name in COLUMNS}, as_json)


@app.command("pause")
def pause_source(
    source_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Look no more until it is resumed."""
    _step("pause", source_id, (data_dir, server, token, user), as_json)


@app.command("resume")
def resume_source(
    source_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Look again; whoever resumes a source takes it over."""
    _step("resume", source_id, (data_dir, server, token, user), as_json)


@app.command("remove")
def remove_source(
    source_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Look never again; the history stays, the credential is deleted."""
    _step("remove", source_id, (data_dir, server, token, user), as_json)
