"""`datagrant discussion`: questions and error reports on datasets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Questions and error reports: list, show, post, reply, step, hide.", no_args_is_help=True
)
Text = Annotated[str, typer.Option("--text", help="Everybody reads it; no names and no contact")]
_COLUMNS = ("id", "dataset_id", "kind", "release_number", "state", "posted_at", "body")


class Step(StrEnum):
    ACCEPT = "accept"
    SETTLE = "settle"
    DECLINE = "decline"
    REOPEN = "reopen"


def _shown(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show(found, as_json)
        return
    show(
        {key: found[key] for key in (*_COLUMNS, "steps", "ticket_number", "handling_zh", "handling_en")},
        as_json,
    )
    show(found["replies"], as_json, ("id", "posted_at", "by_department", "body", "hidden_reason"))


@app.command("list")
def list_threads(
    dataset: Annotated[str, typer.Option("--dataset", help="Resource code")] = "", kind: Annotated[str, typer.Option("--kind", help="question | error")] = "",
    state: Annotated[str, typer.Option("--state", help="open | accepted | settled | declined")] = "",
    limit: Limit = 20, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Threads that you may see, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get(
                "/discussions",
                dataset_id=dataset or None,
                kind=kind or None,
                state=state or None,
                limit=limit,
                offset=offset,
            ),
            as_json,
            _COLUMNS,
        )


@app.command("show")
def show_thread(
    thread_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One thread with its replies."""
    with connect(data_dir, server, token, user) as api:
        _shown(api.get(f"/discussions/{thread_id}"), as_json)


@app.command()
def post(
    dataset_id: str, text: Text, error: Annotated[bool, typer.Option("--error", help="The data are wrong")] = False,
    release: Annotated[int, typer.Option("--release", min=0, help="In which release it was seen")] = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask, or report an error in the data."""
    body = {"kind": "error" if error else "question", "body": text, "release_number": release or None}
    with connect(data_dir, server, token, user) as api:
        _shown(api.post("/discussions", body, dataset_id=dataset_id), as_json)


@app.command()
def reply(
    thread_id: str, text: Text,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say more in a thread."""
    with connect(data_dir, server, token, user) as api:
        _shown(api.post(f"/discussions/{thread_id}/reply", {"body": text}), as_json)


@app.command()
def step(
    thread_id: str, step: Step, text: Text,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The department confirms, answers or declines; its author asks again."""
    with connect(data_dir, server, token, user) as api:
        _shown(api.post(f"/discussions/{thread_id}/{step.value}", {"body": text}), as_json)


@app.command()
def hide(
    post_id: str, reason: Annotated[str, typer.Option("--reason", help="Everybody reads it")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take a text from sight; the reason stays."""
    with connect(data_dir, server, token, user) as api:
        _shown(api.post(f"/discussions/{post_id}/hide", {"reason": reason}), as_json)
