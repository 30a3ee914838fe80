"""`datagrant consent`: consents of departments that shared a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.digests import sha256_of
from api.listing import Limit, Offset

app = typer.Typer(
    help="Source consents: list, show, enter, confirm, reject, withdraw, grants.", no_args_is_help=True
)
COLUMNS = ("id", "dataset_id", "provider", "state", "starts_on", "ends_on", "holds_today")
Why = Annotated[str, typer.Option("--reason", help="Why")]


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command("list")
def list_consents(
    state: Annotated[str, typer.Option("--state", help="ENTERED, CONFIRMED, REJECTED or WITHDRAWN")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Of this dataset")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Consents in your sight, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/consents", state=state or None, dataset_id=dataset, limit=limit, offset=offset),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_consent(
    consent_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One consent."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/consents/{consent_id}"), as_json)


@app.command()
def enter(
    dataset: Annotated[str, typer.Argument(help="Resource code")],
    provider: Annotated[str, typer.Option("--provider", help="Who shared the data and consents")],
    signatory: Annotated[str, typer.Option("--signatory", help="Who signed for them")],
    on: Annotated[str, typer.Option("--on", help="Day of the consent, as 2026-01-31")],
    since: Annotated[str, typer.Option("--from", help="First day that it holds")],
    until: Annotated[str, typer.Option("--to", help="Last day that it holds")],
    evidence: Annotated[Path, typer.Option("--evidence", exists=True, dir_okay=False, help="The signed document; its SHA-256 is kept")],
    column: Annotated[list[str] | None, typer.Option("--column", help="A column that it holds; all without")] = None,
    scenario: Annotated[list[str] | None, typer.Option("--scenario", help="A scenario that it holds; all without")] = None,
    scope: Annotated[str, typer.Option("--scope", help="Its extent in words")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter a consent."""
    body = {
        "dataset_id": dataset, "provider": provider, "signatory": signatory, "consented_on": on, "starts_on": since, "ends_on": until,
        "columns": column or None, "scenarios": scenario or None, "scope": scope, "evidence_name": evidence.name,
        "evidence_sha256": sha256_of(evidence),
    }  # fmt: skip
    with connect(data_dir, server, token, user) as api:
        _tell(api.post("/consents", body), as_json)


@app.command()
def confirm(
    consent_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Confirm it, as another person than the one who entered it."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/consents/{consent_id}/confirm", {}), as_json)


@app.command()
def reject(
    consent_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Do not accept it."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/consents/{consent_id}/reject", {"note": reason}), as_json)


@app.command()
def grants(
    consent_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Live grants that would stop if it were withdrawn now."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/consents/{consent_id}/grants"), as_json, ("grant_id", "org_id", "title_zh", "state"))


@app.command()
def withdraw(
    consent_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Withdraw it; grants that nothing else covers stop now."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/consents/{consent_id}/withdraw", {"note": reason}), as_json)
