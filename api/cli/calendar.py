"""`datagrant calendar`: working days, and the days that the bureau has set by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="The working-day calendar: show, set, remove.", no_args_is_help=True)


@app.command("show")
def show_year(
    year: Annotated[int | None, typer.Argument(help="This year when empty")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The days of a year that are no plain weekdays or weekends; says so when its holidays are not known."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/calendar", year=year)
        if not as_json and not found["is_known"]:
            typer.echo(
                f"{found['year']}: no national holiday table; Mon-Fri assumed. Set its holidays.", err=True
            )
        show(found if as_json else found["own"] + found["seed"], as_json, ("day", "is_working", "note"))


@app.command("set")
def set_day(
    day: Annotated[str, typer.Argument(help="YYYY-MM-DD")],
    kind: Annotated[str, typer.Argument(help="working or off")],
    note: Annotated[str, typer.Option("--note", help="Why")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Set by hand what a day is."""
    if kind not in ("working", "off"):
        raise typer.BadParameter("say working or off")
    with connect(data_dir, server, token, user) as api:
        show(api.put(f"/calendar/{day}", {"is_working": kind == "working", "note": note}), as_json)


@app.command()
def remove(
    day: Annotated[str, typer.Argument(help="YYYY-MM-DD")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Go back to the national table for that day."""
    with connect(data_dir, server, token, user) as api:
        api.delete(f"/calendar/{day}")
