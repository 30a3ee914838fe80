"""`datagrant duty`: use reports and deletion certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.digests import named
from api.listing import Limit, Offset

app = typer.Typer(
    help="Duties: list, show, fulfil, certificate, report, return, waive.", no_args_is_help=True
)
COLUMNS = ("id", "kind", "grant_id", "org_id", "dataset_id", "period", "due_on", "standing")
Words = Annotated[str, typer.Option("--text", help="The report or certificate in words")]
Files = Annotated[
    list[Path] | None, typer.Option("--file", help="A document; its hash is kept, not the file")
]
Why = Annotated[str, typer.Option("--reason", help="Why")]


Gone = Annotated[
    Path | None,
    typer.Option(
        "--deleted", help="Files that were deleted, as sha256sum printed them before; a digest a line"
    ),
]


def _answer(text: str, files: list[Path] | None, deleted: Path | None = None) -> dict[str, Any]:
    given: dict[str, Any] = {"text": text, "attachments": [named(each) for each in files or []]}
    if deleted is not None:
        given["deleted"] = [line.split()[0] for line in deleted.read_text().splitlines() if line.strip()]
    return given


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command("list")
def list_duties(
    standing: Annotated[str, typer.Option("--standing", help="open, overdue, fulfilled or waived")] = "",
    grant: Annotated[str, typer.Option("--grant", help="Only this grant")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Duties that you may see, those due first at the top."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/duties", standing=standing or None, grant=grant, limit=limit, offset=offset),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_duty(
    duty_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One duty."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/duties/{duty_id}"), as_json)


@app.command()
def fulfil(
    duty_id: str, text: Words, file: Files = None, deleted: Gone = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Hand it in."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/duties/{duty_id}/fulfil", _answer(text, file, deleted)), as_json)


@app.command()
def certificate(
    duty_id: str,
    out: Annotated[Path | None, typer.Option("--out", help="Where it goes: NAME.json (signed) or NAME.pdf")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The deletion certificate: every file that was delivered under the grant, and which of them are missing."""
    with connect(data_dir, server, token, user) as api:
        address = f"/duties/{duty_id}/certificate"
        found = api.get(address)
        if out is not None:
            api.download(f"{address}.pdf" if out.suffix.lower() == ".pdf" else address, out)
        counts = {
            "files": len(found["files"]),
            "missing": len(found["missing"]),
            "complete": found["complete"],
        }
        show(found if as_json else {"duty": duty_id, **counts, "out": str(out or "")}, as_json)


@app.command()
def report(
    grant_id: str, text: Words, file: Files = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Report the use of a grant before it is due, as a renewal needs it."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.post(f"/grants/{grant_id}/use-reports", _answer(text, file)), as_json)


@app.command("return")
def send_back(
    duty_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What was handed in does not do."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/duties/{duty_id}/return", {"note": reason}), as_json)


@app.command()
def waive(
    duty_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let the organisation off."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/duties/{duty_id}/waive", {"note": reason}), as_json)
