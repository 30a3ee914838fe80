"""`datagrant fix`: rules that keep failing, and what their departments do about the source."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Proposals to mend the source: list, show, accept, reject.", no_args_is_help=True)
COLUMNS = ("id", "dataset_id", "rule_zh", "state", "failed", "of", "planned_on", "is_late")


@app.command("list")
def list_fixes(
    state: Annotated[str, typer.Option("--state", help="Only this state")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Rules that keep failing, newest proposal first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/fixes", state=state or None, dataset_id=dataset), as_json, COLUMNS)


@app.command("show")
def show_fix(
    fix_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """One proposal with the verdicts that led to it."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/fixes/{fix_id}"), as_json)


@app.command()
def accept(
    fix_id: str,
    by: Annotated[str, typer.Option("--by", help="Planned date, such as 2026-06-30")],
    note: Annotated[str, typer.Option("--note", help="What will be done")] = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Mend the source by a planned date."""
    with connect(data_dir, server, token, user) as api:
        found = api.step(f"/fixes/{fix_id}/accept", {"planned_on": by, "note": note})
        show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command()
def reject(
    fix_id: str,
    note: Annotated[str, typer.Option("--note", help="Why not")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Do not mend the source, and say why."""
    with connect(data_dir, server, token, user) as api:
        found = api.step(f"/fixes/{fix_id}/reject", {"note": note})
        show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)
