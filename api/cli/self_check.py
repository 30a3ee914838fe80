"""`datagrant self-check`: each point of the platform's or an enterprise's self-check, and handing it in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Self-checks: show, keep, list, kept.", no_args_is_help=True)
Subject = Annotated[str, typer.Argument(help="`platform` or an organisation's id; empty: your own")]
_POINTS = ("key", "name_en", "outcome", "found_en", "next_en")
_KEPT = ("id", "subject", "kept_at", "kept_by", "passed", "failed", "not_applicable", "sha256")


def _tell(found: Any, check: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {"items": check["points"]}, as_json, _POINTS)


@app.command("show")
def show_now(
    subject: Subject = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Each point as the record stands now; exit code 1 when one fails."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/self-checks/now", **({"subject": subject} if subject else {}))
        _tell(found, found, as_json)
    if found["failed"]:
        raise typer.Exit(1)


@app.command()
def keep(
    subject: Subject = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Hand it in as it stands now."""
    with connect(data_dir, server, token, user) as api:
        found = api.post(f"/self-checks/now?subject={subject}" if subject else "/self-checks/now", {})
        show(found if as_json else {name: found[name] for name in _KEPT}, as_json)


@app.command("list")
def list_kept(
    subject: Subject = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Those that were handed in, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/self-checks", limit=200, **({"subject": subject} if subject else {})), as_json, _KEPT)


@app.command("kept")
def show_kept(
    self_check_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One that was handed in, as it stood."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/self-checks/kept/{self_check_id}")
        _tell(found, found["check"], as_json)
