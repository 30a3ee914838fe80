"""More of `datagrant application`: signing with others, answering an offer; and what all its commands share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Server, Token, connect, show

more = typer.Typer()
COLUMNS = ("id", "org_id", "state", "scenario_id", "datasets", "due_on", "working_days_left", "next_en")
Note = Annotated[
    str, typer.Option("--note", help="What the others should know; due for returning and refusing")
]
Conflict = Annotated[
    bool, typer.Option("--conflict", help="Declare a conflict of interest (the step is refused)")
]


def json_of(file: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        print(f"{file}: {fault}", file=sys.stderr)
        raise typer.Exit(1) from None


def version(api: Api, application_id: str) -> int:
    return int(api.get(f"/applications/{application_id}")["version"])


def step(api: Api, application_id: str, name: str, **body: object) -> Any:  # noqa: ANN401 - JSON
    """Take a step on the version that is there now."""
    return api.post(
        f"/applications/{application_id}/{name}", body | {"version": version(api, application_id)}
    )


def tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in (*COLUMNS, "grants")}, as_json)


@more.command()
def concur(
    application_id: str, note: Note = "", conflict: Conflict = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Sign the decision that another approver proposed."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "concur", note=note, has_no_conflict=not conflict), as_json)


@more.command()
def dissent(
    application_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Object to the decision that another approver proposed."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "dissent", note=note), as_json)


@more.command()
def counter(
    application_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Answer the terms on offer with what should change; the approver decides again."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "counter", note=note), as_json)


@more.command()
def copy(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A new draft with the content of an application."""
    with connect(data_dir, server, token, user) as api:
        tell(api.post(f"/applications/{application_id}/copy"), as_json)


@more.command()
def assist(
    org: Annotated[str, typer.Argument(help="The enterprise's id")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The request as JSON, as for `create`")],
    asked_by: Annotated[str, typer.Option("--asked-by", help="Who of the enterprise asked for it")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """As a station clerk: draft for an enterprise, whose applicant then confirms it."""
    body = json_of(file) | {"org_id": org, "assisted_for": asked_by}
    with connect(data_dir, server, token, user) as api:
        tell(api.post("/applications/assisted", body), as_json)


@more.command()
def confirm(
    application_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Stand behind a clerk's draft as it is now, so that it may be submitted."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "confirm", note=note), as_json)


@more.command()
def letter(
    application_id: str,
    out: Annotated[Path | None, typer.Option("--out", help="Where the PDF goes; empty: show the letter")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The decision letter: outcome, reasons, legal basis, conditions, remedies."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/applications/{application_id}/letter")
        if out is not None:
            api.download(f"/applications/{application_id}/letter.pdf", out)
            show({"out": str(out), "number": found["letter"]["number"], "sha256": found["sha256"]}, as_json)
        elif as_json:
            show(found, True)
        else:
            said = {"number", "outcome", "decided_on", "lines", "basis", "conditions", "remedies"}
            show({key: value for key, value in found["letter"].items() if key in said}, False)
