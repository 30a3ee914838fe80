"""`datagrant synonym`: words that the catalogue's search takes for the same."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Synonyms of the search: list, add, remove.", no_args_is_help=True)


@app.command("list")
def list_synonyms(
    holding: Annotated[str, typer.Option("--holding", help="Only groups that hold this text")] = "",
    limit: Limit = 200, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Groups of words that are searched for together."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/synonyms", q=holding, limit=limit, offset=offset), as_json, ("id", "words", "set_at"))


@app.command()
def add(
    words: Annotated[list[str], typer.Argument(help="Two words or more; quote those with blanks")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A new group; counts from the next search on."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/synonyms", {"words": words}), as_json)


@app.command()
def remove(
    group_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Search for these words each by itself again."""
    with connect(data_dir, server, token, user) as api:
        api.delete(f"/synonyms/{group_id}")
