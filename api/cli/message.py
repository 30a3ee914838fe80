"""`datagrant message`: your inbox, and how you are told."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Page

app = typer.Typer(help="Messages: list, read, settings, choose.", no_args_is_help=True)


@app.command("list")
def list_messages(
    topic: Annotated[str, typer.Option("--topic", help="task, case, clock or reminder")] = "",
    unread: Annotated[bool, typer.Option("--unread", help="Only what is new")] = False,
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Your messages, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/me/messages", topic=topic or None, unread=unread or None, limit=limit, page=page)
        show(found, as_json, ("at", "is_read", "kind", "zh", "en", "href"))


@app.command()
def read(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Mark all as read."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/me/messages/read", {}), as_json)


@app.command()
def settings(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """How you are told now."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/me/messages/settings"), as_json)


@app.command()
def choose(
    email: Annotated[str | None, typer.Option("--email", help="Address; an empty text ends e-mail")] = None,
    lang: Annotated[str, typer.Option("--lang", help="zh or en: language of mails")] = "",
    off: Annotated[list[str] | None, typer.Option("--off", help="topic:inbox or topic:mail, to turn off")] = None,
    on: Annotated[list[str] | None, typer.Option("--on", help="topic:inbox or topic:mail, to turn on")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say how you want to be told."""
    places = {"inbox": "in_app", "mail": "by_mail"}
    with connect(data_dir, server, token, user) as api:
        now = api.get("/me/messages/settings")
        now["email"] = now["email"] if email is None else email
        now["lang"] = lang or now["lang"]
        for wishes, value in ((off, False), (on, True)):
            for wish in wishes or []:
                topic, _, place = wish.partition(":")
                chosen = [each for each in now["topics"] if each["topic"] == topic]
                if place not in places or not chosen:
                    raise typer.BadParameter(f"{wish}: write topic:inbox or topic:mail")
                chosen[0][places[place]] = value
        show(api.put("/me/messages/settings", now), as_json)
