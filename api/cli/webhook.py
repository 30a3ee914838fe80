"""`datagrant webhook`: where your organisation's systems are told of events."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Page

app = typer.Typer(
    help="Webhooks: list, kinds, add, change, rotate, ping, remove, log, resend.", no_args_is_help=True
)
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", help="A kind of event (see `webhook kinds`); again for more")
]


@app.command("list")
def list_endpoints(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The endpoints of your organisation."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/webhooks"), as_json, ("id", "url", "is_on", "waiting", "dead", "dropped", "kinds"))


@app.command("kinds")
def list_kinds(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The kinds of events, and what each says."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/webhooks/kinds"), as_json, ("kind", "zh", "en", "says"))


@app.command()
def add(
    url: str, kind: Kinds = None,
    note: Annotated[str, typer.Option("--note", help="What it is for")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A new endpoint (all kinds, unless some are named); prints its secret, this once."""
    with connect(data_dir, server, token, user) as api:
        kinds = kind or [each["kind"] for each in api.get("/webhooks/kinds")["items"]]
        show(api.post("/webhooks", {"url": url, "kinds": kinds, "note": note}), as_json)


@app.command()
def change(
    endpoint_id: str, kind: Kinds = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Send, or hold back")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Other kinds, or off and on."""
    with connect(data_dir, server, token, user) as api:
        body = ({"kinds": kind} if kind else {}) | ({"is_on": on} if on is not None else {})
        show(api.patch(f"/webhooks/{endpoint_id}", body), as_json)


@app.command()
def rotate(
    endpoint_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A new secret; the former one signs too for a day."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/webhooks/{endpoint_id}/rotate"), as_json)


@app.command()
def ping(
    endpoint_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Send a test event."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/webhooks/{endpoint_id}/ping"), as_json)


@app.command()
def remove(
    endpoint_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """No more events."""
    with connect(data_dir, server, token, user) as api:
        api.delete(f"/webhooks/{endpoint_id}")


@app.command("log")
def show_log(
    endpoint_id: str,
    state: Annotated[str, typer.Option("--state", help="waiting, sent, dead or dropped")] = "",
    limit: Limit = 50, page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What was sent, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/webhooks/{endpoint_id}/deliveries", state=state or None, limit=limit, page=page)
        show(found, as_json, ("id", "created_at", "kind", "state", "attempts", "due_at"))


@app.command()
def resend(
    delivery_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Send one again."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/webhooks/deliveries/{delivery_id}/resend"), as_json)
