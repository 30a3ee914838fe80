"""`datagrant export-suite`: the rules that every extract of a dataset must fulfil before it is handed out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Export suites of datasets: show, save, history.", no_args_is_help=True)


@app.command("show")
def show_suite(
    dataset_id: str, number: Annotated[int, typer.Option("--number", help="Version; 0 means the one in force")] = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One version of an export suite."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/export-suite", number=number or None)
        show(found if as_json else found["suite"]["expectations"], as_json, ("type", "kwargs", "severity"))


@app.command("save")
def save_suite(
    dataset_id: str, file: Path, note: Annotated[str, typer.Option("--note", help="Why it changes")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put the suite in FILE (Great Expectations' JSON) in force for extracts."""
    try:
        suite = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise typer.BadParameter(f"{file}: {fault}") from None
    with connect(data_dir, server, token, user) as api:
        saved = api.put(f"/datasets/{dataset_id}/export-suite", {"suite": suite, "note": note})
        show(saved if as_json else {key: saved[key] for key in ("id", "number", "name", "sha256")}, as_json)


@app.command("history")
def history(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Every version, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/datasets/{dataset_id}/export-suite/history")
        show(found if as_json else found["items"], as_json, ("number", "created_name", "created_at", "note"))
