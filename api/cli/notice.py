"""`datagrant notice`: follow datasets and read what became of them."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Notices: follow, unfollow, following, list, read.", no_args_is_help=True)


@app.command()
def follow(
    dataset_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Be told of a dataset's releases, withdrawals and breaking changes."""
    with connect(data_dir, server, token, user) as api:
        show(api.put(f"/datasets/{dataset_id}/follow"), as_json)


@app.command()
def unfollow(
    dataset_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Be told no more."""
    with connect(data_dir, server, token, user) as api:
        api.delete(f"/datasets/{dataset_id}/follow")


@app.command()
def following(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What you follow."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/me/follows"), as_json, ("dataset_id", "title_zh", "title_en", "since"))


@app.command("list")
def list_notices(
    mark_read: Annotated[bool, typer.Option("--read", help="Mark all as read after listing them")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What became of the datasets you follow, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/me/notices"), as_json, ("at", "is_new", "dataset_id", "kind", "zh", "en"))
        if mark_read:
            api.post("/me/notices/read")


@app.command("read")
def mark_read(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Mark everything so far as read, without listing it."""
    with connect(data_dir, server, token, user) as api:
        api.post("/me/notices/read")
