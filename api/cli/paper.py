"""`datagrant paper`: what an application must hand in, and commitments instead."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Otp, Server, Token, connect, show

app = typer.Typer(
    help="Papers of an application: list, supply, file, commitment, promise, return.", no_args_is_help=True
)
COLUMNS = ("key", "state", "due_on", "later_working_days", "may_promise", "file_name", "scan", "steps")
Key = Annotated[str, typer.Argument(help="The paper's key (see `paper list`)")]


@app.command("list")
def list_papers(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What the application needs, what is there, and what you may do."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/applications/{application_id}/papers"), as_json, COLUMNS)


@app.command()
def supply(
    application_id: str, key: Key,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="PDF, PNG or JPEG, 5 MiB at most")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Hand a paper in."""
    body: dict[str, Any] = {"name": file.name, "content_base64": base64.b64encode(file.read_bytes()).decode()}
    with connect(data_dir, server, token, user) as api:
        body["version"] = seen(api, application_id, key)
        show(api.post(f"/applications/{application_id}/papers/{key}/supply", body), as_json, COLUMNS)


@app.command()
def file(
    application_id: str, key: Key,
    out: Annotated[Path, typer.Option("--out", help="Where it goes")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Fetch a paper as it was handed in."""
    with connect(data_dir, server, token, user) as api:
        api.download(f"/applications/{application_id}/papers/{key}/file", out)
        show({"out": str(out), "bytes": out.stat().st_size}, as_json)


@app.command()
def commitment(
    application_id: str, key: Key,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The commitment that may be signed instead of the paper, with its digest."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/applications/{application_id}/papers/{key}/commitment"), as_json)


@app.command()
def promise(
    application_id: str, key: Key,
    yes: Annotated[bool, typer.Option("--yes", help="Sign without being asked")] = False,
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Read the commitment and sign it by its digest."""
    with connect(data_dir, server, token, user, otp) as api:
        said = api.get(f"/applications/{application_id}/papers/{key}/commitment")
        if not yes:
            show(said["document"], False)
            typer.confirm(f"Sign this (SHA-256 {said['hash']})?", abort=True)
        body = {"hash": said["hash"]}
        show(api.post(f"/applications/{application_id}/papers/{key}/promise", body), as_json, COLUMNS)


@app.command("return")
def send_back(
    application_id: str, key: Key,
    reason: Annotated[str, typer.Option("--reason", help="Why it will not do")],
    days: Annotated[int, typer.Option("--days", min=1, max=60, help="Working days in which a better one is due")] = 5,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Send a paper back to the applicant."""
    with connect(data_dir, server, token, user) as api:
        body = {"note": reason, "working_days": days, "version": seen(api, application_id, key)}
        show(api.post(f"/applications/{application_id}/papers/{key}/return", body), as_json, COLUMNS)


def seen(api: Api, application_id: str, key: str) -> int | None:
    """The paper's version that is there now."""
    known = api.get(f"/applications/{application_id}/papers")["items"]
    return next((paper["version"] for paper in known if paper["key"] == key), None)
