"""`datagrant agreement`: agreements for authorised operation."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Otp, Server, Token, connect, language, read_json, show
from api.digests import Minutes, sha256_of, with_minutes
from api.listing import Limit, Offset

app = typer.Typer(
    help="Agreements: list, at-odds, show, draft FILE, save ID FILE, and the steps submit, return, activate, terminate.",
    no_args_is_help=True,
)
COLUMNS = ("id", "title", "operator_id", "state", "starts_on", "ends_on", "is_in_force")
BodyFile = Annotated[Path, typer.Argument(help="The agreement as JSON, as the route takes it")]
Selection = Annotated[
    Path | None,
    typer.Option("--selection", exists=True, dir_okay=False, help="What proves the selection: its SHA-256 is entered, the file stays here"),
]  # fmt: skip


def _body(file: Path, minutes: Path | None, selection: Path | None) -> Any:  # noqa: ANN401 - JSON
    body = with_minutes(read_json(file), minutes)
    chosen = {"selection_sha256": sha256_of(selection)} if selection else {}
    return body | chosen if isinstance(body, dict) else body


@app.command("list")
def list_agreements(
    state: Annotated[str, typer.Option("--state", help="DRAFT, IN_APPROVAL, ACTIVE, ENDED or TERMINATED")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Agreements that you may see, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/agreements", state=state or None, limit=limit, offset=offset), as_json, COLUMNS)


@app.command("at-odds")
def at_odds(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Agreements at odds with who controls whom, with the applications and grants that hang on them; exit code 1 when there are any."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/agreements/at-odds")
        if not as_json:
            spoken = language()
            for each in found["items"]:
                each["reasons"] = " ".join(reason[spoken] for reason in each["reasons"])
                for what in ("applications", "grants"):
                    each[what] = ", ".join(held["id"] for held in each[what])
        show(found, as_json, ("agreement_id", "title", "operator_id", "reasons", "applications", "grants"))
    if found["total"]:
        raise typer.Exit(1)


@app.command("show")
def show_agreement(
    agreement_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One agreement."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/agreements/{agreement_id}"), as_json)


class AgreementStep(StrEnum):
    """What may be done, as the routes name it."""

    SUBMIT = "submit"
    RETURN = "return"
    ACTIVATE = "activate"
    TERMINATE = "terminate"


@app.command()
def draft(
    file: BodyFile,
    minutes: Minutes = None, selection: Selection = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter a draft."""
    body = _body(file, minutes, selection)
    with connect(data_dir, server, token, user) as api:
        show(api.post("/agreements", body), as_json)


@app.command()
def save(
    agreement_id: str,
    file: BodyFile,
    version: Annotated[
        int | None, typer.Option("--version", help="The version that you looked at; refused if somebody changed it since")
    ] = None,
    minutes: Minutes = None, selection: Selection = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Replace a draft by FILE, whole."""
    body = _body(file, minutes, selection)
    with connect(data_dir, server, token, user) as api:
        seen = api.get(f"/agreements/{agreement_id}")["version"] if version is None else version
        show(api.put(f"/agreements/{agreement_id}", body, **{"If-Match": f'"{seen}"'}), as_json)


@app.command()
def step(
    agreement_id: str,
    step: Annotated[AgreementStep, typer.Argument(help="What to do")],
    reason: Annotated[str, typer.Option("--reason", help="Why; due for return and terminate")] = "",
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take a step on an agreement."""
    with connect(data_dir, server, token, user, otp) as api:
        show(api.step(f"/agreements/{agreement_id}/{step.value}", {"note": reason}), as_json)
