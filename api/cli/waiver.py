"""`datagrant waiver`: failed rules that people answer for, for a while."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Page

app = typer.Typer(
    help="Waivers: list, show, rules, sign, second, refuse, revoke. Nothing renews one.",
    no_args_is_help=True,
)
COLUMNS = ("id", "dataset_id", "rule_key", "rule_zh", "severity", "standing", "valid_to", "reason")
NoteText = Annotated[str, typer.Option("--note", help="The signed note")]


@app.command("list")
def list_waivers(
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    standing: Annotated[
        str, typer.Option("--standing", help="proposed, effective, expired, refused or revoked")
    ] = "",
    limit: Limit = 50,
    page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Waivers, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/waivers", dataset_id=dataset, standing=standing or None, limit=limit, page=page),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_waiver(
    waiver_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """One waiver, and what passed under it."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/waivers/{waiver_id}"), as_json)


@app.command()
def rules(
    dataset: Annotated[str, typer.Option("--dataset", help="Resource code of the dataset")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """The rules of a dataset that could be waived, with their keys."""
    with connect(data_dir, server, token, user) as api:
        columns = ("rule_key", "rule_zh", "severity", "may_be_waived")
        show(api.get("/waivers/rules", dataset_id=dataset), as_json, columns)


@app.command()
def sign(
    dataset: Annotated[str, typer.Option("--dataset", help="Resource code of the dataset")],
    rule: Annotated[str, typer.Option("--rule", help="The rule's key (see `waiver rules`)")],
    reason: Annotated[str, typer.Option("--reason", help="Stays on the release for ever")],
    until: Annotated[str, typer.Option("--until", help="Its last day, such as 2026-06-30")],
    max_count: Annotated[
        int, typer.Option("--max-count", help="At most so many failing rows; 0: no limit")
    ] = 0,
    max_share: Annotated[
        float, typer.Option("--max-share", help="At most this share, 0 to 1; 0: no limit")
    ] = 0,
    ticket: Annotated[str, typer.Option("--ticket", help="The ticket that it answers")] = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Sign a waiver; one of a critical rule counts once an approver has signed too."""
    body = {
        "dataset_id": dataset, "rule_key": rule, "reason": reason, "valid_to": until, "max_count": max_count or None,
        "max_share": max_share or None, "ticket_id": ticket or None,
    }  # fmt: skip
    with connect(data_dir, server, token, user) as api:
        found = api.post("/waivers", body)
        show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


def _step(step: str, waiver_id: str, note: str, where: tuple[Path, str, str, str], as_json: bool) -> None:
    with connect(*where) as api:
        found = api.step(f"/waivers/{waiver_id}/{step}", {"note": note})
        show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command()
def second(
    waiver_id: str,
    note: NoteText = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Sign as the second person."""
    _step("second", waiver_id, note, (data_dir, server, token, user), as_json)


@app.command()
def refuse(
    waiver_id: str,
    note: NoteText,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Refuse the second signature."""
    _step("refuse", waiver_id, note, (data_dir, server, token, user), as_json)


@app.command()
def revoke(
    waiver_id: str,
    note: NoteText,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """End a waiver now."""
    _step("revoke", waiver_id, note, (data_dir, server, token, user), as_json)
