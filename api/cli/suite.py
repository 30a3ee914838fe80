"""`datagrant suite`: the rules that every batch of a dataset is judged by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Suites of datasets: show, save, history, difference.", no_args_is_help=True)
Number = Annotated[int, typer.Option("--number", help="Version; 0 means the one in force")]


@app.command("show")
def show_suite(
    dataset_id: str, number: Number = 0, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "",
    user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One version of a suite."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/suite", number=number or None)
        show(found if as_json else found["suite"]["expectations"], as_json, ("type", "kwargs", "severity"))


@app.command("save")
def save_suite(
    dataset_id: str, file: Path, note: Annotated[str, typer.Option("--note", help="Why it changes")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put the suite in FILE (Great Expectations' JSON) in force."""
    try:
        suite = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise typer.BadParameter(f"{file}: {fault}") from None
    with connect(data_dir, server, token, user) as api:
        saved = api.put(f"/datasets/{dataset_id}/suite", {"suite": suite, "note": note})
        show(saved if as_json else {key: saved[key] for key in ("id", "number", "name", "sha256")}, as_json)


@app.command("history")
def history(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Every version, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/suite/history")
        show(found, as_json, ("number", "name", "created_name", "created_at", "note"))


@app.command("difference")
def difference(
    dataset_id: str, before: int, after: int, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "",
    user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What changed between two versions."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/suite/difference/{before}/{after}")
        show(found, as_json, ("change", "type", "before", "after"))
