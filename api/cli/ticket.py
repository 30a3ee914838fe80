"""`datagrant ticket`: failing rules as work for their department."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Page

app = typer.Typer(
    help="Tickets: list, show, accept, assign, start, answer, return, comment, confirm, reopen.",
    no_args_is_help=True,
)
COLUMNS = (
    "id",
    "number",
    "dataset_id",
    "rule_zh",
    "severity",
    "state",
    "failing_rows",
    "due_on",
    "is_overdue",
)
NoteText = Annotated[str, typer.Option("--note", help="What is to be said")]


def _step(
    ticket_id: str,
    step: str,
    body: dict[str, Any],
    where: tuple[Path, str, str, str],
    as_json: bool,
) -> None:
    with connect(*where) as api:
        found = api.step(f"/tickets/{ticket_id}/{step}", body)
        show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command("list")
def list_tickets(
    state: Annotated[str, typer.Option("--state", help="Only this state")] = "",
    org: Annotated[str, typer.Option("--org", help="Only this department")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those whose day is over")] = False,
    mine: Annotated[bool, typer.Option("--mine", help="Only those that wait for me")] = False,
    limit: Limit = 50,
    page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Tickets of one's department, the next to fall due first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/tickets",
            state=state or None,
            org_id=org,
            dataset_id=dataset,
            overdue=overdue,
            mine=mine,
            limit=limit,
            page=page,
        )
        show(found, as_json, COLUMNS)


@app.command("show")
def show_ticket(
    ticket_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """One ticket with its failing batches and its history."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/tickets/{ticket_id}")
    if as_json:
        show(found, True)
        return
    show({name: found[name] for name in (*COLUMNS, "rule_en", "answer", "answer_note", "batch_id")}, False)
    show(found["failures"], False, ("batch_number", "batch_id", "at", "failing_rows", "settled"))
    lines = [line | {"by": line["who"]["username"] if line["who"] else "system"} for line in found["history"]]
    show(lines, False, ("at", "step", "by", "note"))


@app.command()
def accept(
    ticket_id: str,
    note: NoteText = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Take a ticket in (受理)."""
    _step(ticket_id, "accept", {"note": note}, (data_dir, server, token, user), as_json)


@app.command()
def assign(
    ticket_id: str,
    to: Annotated[str, typer.Option("--to", help="User name of the person")] = "",
    org: Annotated[str, typer.Option("--org", help="The department, when it changes")] = "",
    note: NoteText = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Give a ticket to a person or to a department (分拨)."""
    body = {"username": to or None, "org_id": org or None, "note": note}
    _step(ticket_id, "assign", body, (data_dir, server, token, user), as_json)


@app.command()
def start(
    ticket_id: str,
    note: NoteText = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Begin work on a ticket (处理)."""
    _step(ticket_id, "start", {"note": note}, (data_dir, server, token, user), as_json)


@app.command()
def answer(
    ticket_id: str,
    said: Annotated[str, typer.Option("--answer", help="corrected, data_right or cannot")],
    note: NoteText,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Say what was found (反馈)."""
    _step(ticket_id, "answer", {"answer": said, "note": note}, (data_dir, server, token, user), as_json)


@app.command()
def comment(
    ticket_id: str,
    note: NoteText,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Add a remark."""
    _step(ticket_id, "comment", {"note": note}, (data_dir, server, token, user), as_json)


@app.command()
def confirm(
    ticket_id: str,
    note: NoteText = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Close an answered ticket as a second person (确认)."""
    _step(ticket_id, "confirm", {"note": note}, (data_dir, server, token, user), as_json)


@app.command()
def reopen(
    ticket_id: str,
    note: NoteText,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Send a ticket back to the department."""
    _step(ticket_id, "reopen", {"note": note}, (data_dir, server, token, user), as_json)


@app.command()
def rows(
    ticket_id: str,
    out: Annotated[Path, typer.Option("--out", help="Where the workbook goes (XLSX)")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Download the failing rows of the ticket's batch as a workbook to correct."""
    with connect(data_dir, server, token, user) as api:
        batch_id = api.get(f"/tickets/{ticket_id}")["batch_id"]
        print(api.download(f"/batches/{batch_id}/rows", out))


@app.command("return")
def return_workbook(
    ticket_id: str,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The corrected workbook")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the check and show the ticket")] = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Hand the corrected workbook in; it is recognised, and its rows are matched by key."""
    with connect(data_dir, server, token, user) as api:
        batch = api.upload(f"/tickets/{ticket_id}/return", file)
        if wait and batch["job_id"]:
            api.wait(batch["job_id"], quiet=as_json)
            found = api.get(f"/tickets/{ticket_id}")
            show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)
            return
        show(batch, as_json)
