"""`datagrant org …`: organisations and their licences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Otp, Server, Token, connect, show
from api.digests import named

app = typer.Typer(no_args_is_help=True, help="Organisations and licences.")

Org = Annotated[str, typer.Argument(help="Organisation id")]
COLUMNS = (
    "id",
    "name_zh",
    "name_en",
    "kind",
    "credit_code",
    "country",
    "controlled_by",
    "licence_state",
    "licence_valid_to",
)


@app.command("list")
def list_(
    kind: Annotated[str, typer.Option(help="Only this kind, for example operator")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """All organisations."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/organisations", kind=kind or None), as_json, COLUMNS)


@app.command("show")
def show_(
    org: Org,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One organisation, with the licence state that counts now."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/organisations/{org}"), as_json)


@app.command()
def create(
    org: Org,
    name_zh: Annotated[str, typer.Option(help="Name in Chinese")],
    name_en: Annotated[str, typer.Option(help="Name in English")],
    kind: Annotated[str, typer.Option(help="implementing_body, source_department, operator, developer or supervisor")],
    credit_code: Annotated[str, typer.Option(help="Unified social credit code")] = "",
    country: Annotated[str, typer.Option(help="Where it is registered, two letters (ISO 3166); no grant counts abroad")] = "CN",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter an organisation; an enterprise is PENDING until its licence is set."""
    body = {
        "id": org,
        "name_zh": name_zh,
        "name_en": name_en,
        "kind": kind,
        "credit_code": credit_code or None,
        "country": country,
    }
    with connect(data_dir, server, token, user) as api:
        show(api.post("/organisations", body), as_json)


@app.command()
def licence(
    org: Org,
    step: Annotated[str, typer.Argument(help="qualify, renew, suspend, resume or disqualify")],
    valid_to: Annotated[str, typer.Option(help="Last valid day, YYYY-MM-DD")] = "",
    note: Annotated[str, typer.Option(help="Why; goes into the audit record")] = "",
    credit_code: Annotated[str, typer.Option(help="Unified social credit code, when none is entered yet")] = "",
    document: Annotated[list[Path] | None, typer.Option(help="A paper seen; its hash is kept")] = None,
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Qualify, renew, suspend, resume or disqualify an enterprise."""
    body = {
        "step": step,
        "valid_to": valid_to or None,
        "note": note,
        "credit_code": credit_code or None,
        "documents": [named(each) for each in document or []],
    }
    with connect(data_dir, server, token, user, otp) as api:
        show(api.step(f"/organisations/{org}/licence", body), as_json)


@app.command()
def country(
    org: Org,
    country: Annotated[str, typer.Argument(help="Where it is registered, two letters (ISO 3166); no grant counts abroad")],
    note: Annotated[str, typer.Option(help="Why; goes into the audit record")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Correct where an organisation is registered."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/organisations/{org}/country", {"country": country, "note": note}), as_json)


@app.command()
def control(
    org: Org,
    controlled_by: Annotated[str, typer.Argument(help="Id of the organisation that controls it; empty: none")] = "",
    note: Annotated[str, typer.Option(help="On what it rests; goes into the audit record")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enter which organisation controls one: together they count as one where operator and developer are kept apart."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.post(f"/organisations/{org}/control", {"controlled_by": controlled_by, "note": note}), as_json
        )
