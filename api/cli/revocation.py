"""`datagrant revocation`: grants that were revoked, and the second person's answer."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Otp, Server, Token, connect, show
from api.digests import EvidenceFile, sha256_of
from api.listing import Limit, Offset

app = typer.Typer(help="Revocations: list, show, evidence, confirm, object, lift.", no_args_is_help=True)
COLUMNS = ("id", "grant_id", "org_id", "dataset_id", "state", "confirm_by", "bar_until")
Reason = Annotated[str, typer.Option("--reason", help="Why")]


@app.command("list")
def list_revocations(
    state: Annotated[str, typer.Option("--state", help="WAITS, OVERDUE, CONFIRMED, OBJECTED or LIFTED")] = "",
    grant: Annotated[str, typer.Option("--grant", help="Only this grant")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Revocations in your sight, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/revocations", state=state or None, grant_id=grant or None, limit=limit, offset=offset),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_revocation(
    revocation_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One revocation: why, on what evidence, until when it is to be confirmed, and how long its holder is barred."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/revocations/{revocation_id}"), as_json)


@app.command()
def evidence(
    revocation_id: str,
    text: Annotated[str, typer.Option("--text", help="What proves it")],
    sha256: Annotated[str, typer.Option("--sha256", help="SHA-256 of the file that proves it, kept elsewhere")] = "",
    file: EvidenceFile = None,
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Add to the evidence, until a second person has answered."""
    with connect(data_dir, server, token, user, otp) as api:
        _tell(
            _sent(
                api,
                revocation_id,
                "evidence",
                {"evidence": text, "evidence_sha256": sha256_of(file) if file else sha256},
            ),
            as_json,
        )


@app.command()
def confirm(
    revocation_id: str,
    reason: Reason = "", otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Confirm, as another person than the one who revoked."""
    with connect(data_dir, server, token, user, otp) as api:
        _tell(_sent(api, revocation_id, "confirm", {"note": reason}), as_json)


@app.command("object")
def object_to(
    revocation_id: str,
    reason: Reason, otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Do not confirm: the grant stays ended, its holder may apply anew."""
    with connect(data_dir, server, token, user, otp) as api:
        _tell(_sent(api, revocation_id, "object", {"note": reason}), as_json)


@app.command()
def lift(
    revocation_id: str,
    reason: Reason, otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let the holder apply again before the bar ends."""
    with connect(data_dir, server, token, user, otp) as api:
        _tell(_sent(api, revocation_id, "lift", {"note": reason}), as_json)


def _sent(api: Api, revocation_id: str, step: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    return api.step(f"/revocations/{revocation_id}/{step}", body)


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found, as_json, COLUMNS)
