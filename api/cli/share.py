"""`datagrant share`: read granted data in place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Refused, Server, Token, connect, demand_room_for, show
from api.listing import After, Limit, Offset

app = typer.Typer(
    help="Read granted data in place: views, signed links, rows page by page, who read and the receipts of it, Delta Sharing profiles.",
    no_args_is_help=True,
)
Purpose = Annotated[str, typer.Option("--purpose", help="Purpose code; empty where the grant has only one")]
Release = Annotated[str, typer.Option("--release", help="Release id; empty means the current one")]
_COLUMNS = ("release_number", "state", "rows", "size_bytes", "ready_at", "sha256")


@app.command("views")
def views(
    grant_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """The views that were made of a grant."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/grants/{grant_id}/views"), as_json, _COLUMNS)


@app.command("link")
def link(
    grant_id: str, purpose: Purpose = "", release: Release = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A signed address for an hour; has the view made first where it is not there."""
    with connect(data_dir, server, token, user) as api:
        body = {"purpose": purpose, "release_id": release or None}
        view = api.post(f"/grants/{grant_id}/views", body)
        if view["state"] != "ready" and view["job_id"]:
            ended = api.wait(view["job_id"], quiet=as_json)
            if ended["state"] != "done":
                raise Refused(ended["error"] or {"detail": f"the view was not made: {ended['state']}"})
        show(api.post(f"/grants/{grant_id}/links", body), as_json)


@app.command("rows")
def rows(
    grant_id: str, fields: Annotated[str, typer.Option("--fields", help="Comma between; empty means all")] = "",
    row_filter: Annotated[str, typer.Option("--filter", help='JSON, e.g. {"op":"gt","column":"rooms","value":10}')] = "",
    release: Release = "", purpose: Purpose = "",
    limit: Limit = 100, after: After = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A page of granted rows; `next` in the answer leads to the one after it."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            f"/grants/{grant_id}/rows", fields=fields or None, filter=row_filter or None, release=release or None,
            purpose=purpose or None, limit=limit, after=after or None,
        )  # fmt: skip
        show(found, as_json, found["columns"])


@app.command("readings")
def readings(
    grant_id: str, limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Who read the grant's views in place, newest first, with what left to each."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/grants/{grant_id}/readings", limit=limit, offset=offset)
        columns = ("at", "account", "release_number", "purpose", "rows", "sent_bytes", "id")
        show(found, as_json, columns)


@app.command("receipt")
def receipt(
    grant_id: str, reading_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """The signed receipt of one reading. With --json the text that `datagrant receipt verify` checks offline."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/grants/{grant_id}/readings/{reading_id}/receipt"), as_json)


@app.command("profile")
def profile(
    grant_id: str, out: Path, purpose: Purpose = "", days: Annotated[int, typer.Option("--days", help="At most 180")] = 90,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A profile file for Delta Sharing's clients, readable by its owner alone. It holds a key for this grant."""
    with connect(data_dir, server, token, user) as api:
        demand_room_for(out)
        made = api.post(f"/grants/{grant_id}/profile", {"purpose": purpose, "days": days})
    out.touch(0o600)
    out.chmod(0o600)
    out.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    show({"path": str(out), "endpoint": made["endpoint"], "expires": made["expirationTime"]}, as_json)
