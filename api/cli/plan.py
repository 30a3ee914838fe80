"""`datagrant plan`: implementation plans."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(
    help="Plans: list, show, draft FILE, and the steps submit, return, approve.", no_args_is_help=True
)
COLUMNS = ("id", "title", "series", "number", "state")
BodyFile = Annotated[Path, typer.Argument(help="The plan as JSON, as the route takes it")]


@app.command("list")
def list_plans(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Every version of every plan, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/plans"), as_json, COLUMNS)


@app.command("show")
def show_plan(
    plan_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One version of a plan."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/plans/{plan_id}"), as_json)


class PlanStep(StrEnum):
    """What may be done, as the routes name it."""

    SUBMIT = "submit"
    RETURN = "return"
    APPROVE = "approve"


@app.command()
def draft(
    file: BodyFile,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter a draft."""
    body = json.loads(file.read_text(encoding="utf-8"))
    with connect(data_dir, server, token, user) as api:
        show(api.post("/plans", body), as_json)


@app.command()
def step(
    plan_id: str,
    step: Annotated[PlanStep, typer.Argument(help="What to do")],
    reason: Annotated[str, typer.Option("--reason", help="Why; due for return")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take a step on a plan."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/plans/{plan_id}/{step.value}", {"note": reason}), as_json)
