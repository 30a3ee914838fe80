"""`datagrant openplan`: the yearly plan of what is to be opened."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="The open plan: list, show, enter, publish, finish, reopen, drop.", no_args_is_help=True
)
COLUMNS = ("id", "title", "department_id", "dataset_id", "state", "due_on", "is_late")
Why = Annotated[str, typer.Option("--reason", help="Why")]


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command("list")
def list_tasks(
    year: Annotated[int | None, typer.Option("--year", min=2000, max=2100, help="The present year without")] = None,
    state: Annotated[str, typer.Option("--state", help="DRAFT, PUBLISHED, DONE or DROPPED")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The tasks of a year, those due first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/open-plan", year=year, state=state or None, limit=limit, offset=offset),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_task(
    task_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One task."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/open-plan/{task_id}"), as_json)


@app.command()
def enter(
    title: str,
    year: Annotated[int, typer.Option("--year", min=2000, max=2100, help="The plan's year")],
    department: Annotated[str, typer.Option("--department", help="Who opens it")],
    due: Annotated[str, typer.Option("--due", help="The milestone, as 2026-06-30")],
    what: Annotated[str, typer.Option("--what", help="What it is about")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="The dataset, if it is known")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter a task as a draft."""
    body = {
        "title": title,
        "year": year,
        "department_id": department,
        "due_on": due,
        "what": what,
        "dataset_id": dataset,
    }
    with connect(data_dir, server, token, user) as api:
        _tell(api.post("/open-plan", body), as_json)


@app.command()
def publish(
    task_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Publish it in the plan."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/open-plan/{task_id}/publish", {}), as_json)


@app.command()
def finish(
    task_id: str, dataset: Annotated[str, typer.Option("--dataset", help="The public dataset that was opened")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say that it is done."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/open-plan/{task_id}/finish", {"dataset_id": dataset}), as_json)


@app.command()
def reopen(
    task_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take it up again."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/open-plan/{task_id}/reopen", {"note": reason}), as_json)


@app.command()
def drop(
    task_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Drop it."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/open-plan/{task_id}/drop", {"note": reason}), as_json)
