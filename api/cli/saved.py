"""`datagrant saved`: searches that you keep, and of whose news you are told."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Saved searches: list, add, tell, remove.", no_args_is_help=True)


@app.command("list")
def list_searches(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What you keep."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/me/searches"), as_json, ("id", "title", "tells", "page", "feed"))


@app.command()
def add(
    query: Annotated[str, typer.Argument(help="As in the address of the page: q=停车&theme=PK")],
    title: Annotated[str, typer.Option("--title", help="Its name")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Keep a search, and be told of records that are new in it or change."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/me/searches", {"query": query, "title": title}), as_json)


@app.command()
def tell(
    search_id: str,
    on: Annotated[bool, typer.Option("--on/--off", help="Be told from now on, or no more")] = True,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Turn alerts on or off."""
    with connect(data_dir, server, token, user) as api:
        show(api.patch(f"/me/searches/{search_id}", {"tells": on}), as_json)


@app.command()
def remove(
    search_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Keep it no longer."""
    with connect(data_dir, server, token, user) as api:
        api.delete(f"/me/searches/{search_id}")
