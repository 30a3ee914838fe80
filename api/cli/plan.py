"""`datagrant plan`: implementation plans."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Otp, Server, Token, connect, read_json, show
from api.digests import Minutes, with_minutes
from api.listing import Limit, Offset

app = typer.Typer(
    help="Plans: list, show, draft FILE, save ID FILE, and the steps submit, return, approve.",
    no_args_is_help=True,
)
COLUMNS = ("id", "title", "series", "number", "state")
BodyFile = Annotated[Path, typer.Argument(help="The plan as JSON, as the route takes it")]


@app.command("list")
def list_plans(
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Every version of every plan, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/plans", limit=limit, offset=offset), as_json, COLUMNS)


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
    minutes: Minutes = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter a draft."""
    body = with_minutes(read_json(file), minutes)
    with connect(data_dir, server, token, user) as api:
        show(api.post("/plans", body), as_json)


@app.command()
def save(
    plan_id: str,
    file: BodyFile,
    version: Annotated[
        int | None, typer.Option("--version", help="The version that you looked at; refused if somebody changed it since")
    ] = None,
    minutes: Minutes = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Replace a draft by FILE, whole."""
    body = with_minutes(read_json(file), minutes)
    with connect(data_dir, server, token, user) as api:
        seen = api.get(f"/plans/{plan_id}")["version"] if version is None else version
        show(api.put(f"/plans/{plan_id}", body, **{"If-Match": f'"{seen}"'}), as_json)


@app.command()
def step(
    plan_id: str,
    step: Annotated[PlanStep, typer.Argument(help="What to do")],
    reason: Annotated[str, typer.Option("--reason", help="Why; due for return")] = "",
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take a step on a plan."""
    with connect(data_dir, server, token, user, otp) as api:
        show(api.step(f"/plans/{plan_id}/{step.value}", {"note": reason}), as_json)
