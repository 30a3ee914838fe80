"""`datagrant clock`: what runs and what is overdue, extensions, the three rates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Page

app = typer.Typer(
    help="Clocks: list, overdue, show, sign-for, extend, extensions, decide, kpi, profile.",
    no_args_is_help=True,
)
COLUMNS = ("application_id", "org_id", "stage", "due_on", "left_working_days", "level", "next_en")
Stage = Annotated[str, typer.Option("--stage", help="screen, review or decide")]
Department = Annotated[str, typer.Option("--department", help="Only this source department")]
Out = Annotated[Path | None, typer.Option("--out", help="Write a CSV file instead")]


@app.command("list")
def list_clocks(
    stage: Stage = "", department: Department = "",
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Applications on which a clock runs, next due first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/clocks", stage=stage or None, department=department or None, limit=limit, page=page),
            as_json,
            COLUMNS,
        )


@app.command()
def overdue(
    stage: Stage = "", department: Department = "", out: Out = None,
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Applications whose day is over, longest overdue first."""
    with connect(data_dir, server, token, user) as api:
        if out is not None:
            print(api.download(f"/clocks.csv?overdue=true&stage={stage}" if stage else "/clocks.csv", out))
            return
        found = api.get(
            "/clocks",
            overdue=True,
            stage=stage or None,
            department=department or None,
            limit=limit,
            page=page,
        )
        show(found, as_json, COLUMNS)


@app.command("show")
def show_clocks(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The clocks of one application."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/applications/{application_id}/clocks")
        wanted = ("stage", "turn", "started_on", "allowed_days", "used_days", "paused_days", "due_on", "left_working_days", "is_overdue")  # fmt: skip
        show(found if as_json else found["clocks"], as_json, wanted)


@app.command("sign-for")
def sign_for(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say that the department has received the submission."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/applications/{application_id}/sign-for"), as_json)


@app.command()
def extend(
    application_id: str,
    days: Annotated[int, typer.Option("--days", help="Working days on top")],
    reason: Annotated[str, typer.Option("--reason", help="Why more time is needed")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask for more working days; another person decides."""
    with connect(data_dir, server, token, user) as api:
        body = {"working_days": days, "reason": reason}
        show(api.post(f"/applications/{application_id}/extensions", body), as_json)


@app.command()
def extensions(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Extensions that wait for your decision."""
    with connect(data_dir, server, token, user) as api:
        wanted = ("id", "application_id", "stage", "working_days", "reason", "asked_by", "asked_at")
        show(api.get("/clocks/extensions"), as_json, wanted)


@app.command()
def decide(
    extension_id: str,
    outcome: Annotated[str, typer.Argument(help="approve or refuse")],
    note: Annotated[str, typer.Option("--note", help="Why; due for refusing")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Decide on an extension that somebody else asked for."""
    with connect(data_dir, server, token, user) as api:
        body = {"outcome": outcome, "note": note}
        show(api.post(f"/clocks/extensions/{extension_id}/decide", body), as_json)


@app.command()
def kpi(
    since: Annotated[str, typer.Option("--since", help="First day; else 1 January")] = "",
    until: Annotated[str, typer.Option("--until", help="Last day; else today")] = "",
    department: Department = "",
    out: Out = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Signed for, told and decided on time: by department and month, with what is counted."""
    asked = {"since": since or None, "until": until or None, "department": department or None}
    with connect(data_dir, server, token, user) as api:
        if out is not None:
            query = "&".join(f"{key}={value}" for key, value in asked.items() if value)
            print(api.download(f"/clocks/kpi.csv?{query}", out))
            return
        show(api.get("/clocks/kpi", **asked), as_json, ("measure", "department_id", "period", "kept", "counted", "share"))  # fmt: skip


@app.command()
def profile(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Working days of each stage with their sources; with --json also extensions, levels of escalation and days of reminding."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/clocks/profile")
        show(
            found if as_json else found["stages"],
            as_json,
            ("stage", "working_days", "effective_from", "source"),
        )
