"""`datagrant grant`: look at grants and act on them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.cli import explaining, grant_keys
from api.cli.application_steps import tell
from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Otp, Server, Token, connect, show
from api.digests import EvidenceFile, sha256_of
from api.listing import Limit, Offset

app = typer.Typer(
    help="Grants: list, show, odrl, history, usage, activate, suspend, resume, revoke, relinquish, renew, amend, explain, simulate, keys.",
    no_args_is_help=True,
)
COLUMNS = ("id", "org_id", "dataset_id", "state", "is_effective", "ends_at", "used_extracts", "used_rows")
Note = Annotated[str, typer.Option("--note", help="Why; due for suspending and revoking")]


@app.command("list")
def list_grants(
    state: Annotated[str, typer.Option("--state", help="PENDING, ACTIVE, …")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Grants that you may see, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/grants", state=state or None, dataset_id=dataset or None, limit=limit, offset=offset),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_grant(
    grant_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One grant with its policy."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/grants/{grant_id}"), as_json)


@app.command("odrl")
def show_odrl(
    grant_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """The agreement as ODRL (JSON-LD)."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/grants/{grant_id}/odrl"), True)


@app.command("history")
def show_history(
    grant_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """From the application to the last download, oldest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get(f"/grants/{grant_id}/history"),
            as_json,
            ("at", "name", "who", "org_id", "subject", "note"),
        )


@app.command()
def activate(
    grant_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put a grant into force, as a steward who did not approve it."""
    with connect(data_dir, server, token, user) as api:
        _tell(_step(api, grant_id, "activate", note), as_json)


@app.command()
def suspend(
    grant_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Stop all use at once."""
    with connect(data_dir, server, token, user) as api:
        _tell(_step(api, grant_id, "suspend", note), as_json)


@app.command()
def resume(
    grant_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let a suspended grant count again, as another person."""
    with connect(data_dir, server, token, user) as api:
        _tell(_step(api, grant_id, "resume", note), as_json)


@app.command("ask-resume")
def ask_resume(
    grant_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask, as the holder, that a grant suspended for want of use be resumed."""
    with connect(data_dir, server, token, user) as api:
        _tell(_step(api, grant_id, "ask-resume", note), as_json)


@app.command()
def wake(
    grant_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let a dormant grant be used again, as a steward, when the holder has asked."""
    with connect(data_dir, server, token, user) as api:
        _tell(_step(api, grant_id, "wake", note), as_json)


@app.command("decline-resume")
def decline_resume(
    grant_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Decline to resume a dormant grant; the note says why."""
    with connect(data_dir, server, token, user) as api:
        _tell(_step(api, grant_id, "decline-resume", note), as_json)


@app.command()
def revoke(
    grant_id: str, note: Note = "",
    evidence: Annotated[str, typer.Option("--evidence", help="What proves it; may follow by `datagrant revocation evidence`")] = "",
    sha256: Annotated[str, typer.Option("--evidence-sha256", help="SHA-256 of the file that proves it, kept elsewhere")] = "",
    file: EvidenceFile = None,
    bar_months: Annotated[int, typer.Option("--bar-months", min=0, max=600, help="For so long its holder may not apply for the dataset again")] = 0,
    bar_datasets: Annotated[list[str] | None, typer.Option("--bar-dataset", help="The bar holds for this dataset as well (repeatable)")] = None,
    bar_everything: Annotated[bool, typer.Option("--bar-everything", help="The bar holds for every dataset")] = False,
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End a grant for good, at once; another person confirms it within a day (`datagrant revocation confirm`)."""
    scope = "everything" if bar_everything else "datasets" if bar_datasets else "dataset"
    grounds = {
        "evidence": evidence, "evidence_sha256": sha256_of(file) if file else sha256, "bar_months": bar_months, "bar_scope": scope, "bar_datasets": bar_datasets or [],
    }  # fmt: skip
    with connect(data_dir, server, token, user, otp) as api:
        _tell(_step(api, grant_id, "revoke", note, grounds), as_json)


@app.command()
def relinquish(
    grant_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Give a grant of your organisation back."""
    with connect(data_dir, server, token, user) as api:
        _tell(_step(api, grant_id, "relinquish", note), as_json)


def _step(api: Api, grant_id: str, step: str, note: str, more: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    return api.step(f"/grants/{grant_id}/{step}", {"note": note, **(more or {})})


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command()
def renew(
    grant_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A prefilled application for the time after the grant; needs a use report of it."""
    with connect(data_dir, server, token, user) as api:
        tell(api.post(f"/grants/{grant_id}/renew"), as_json)


@app.command()
def amend(
    grant_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A prefilled application to change the grant."""
    with connect(data_dir, server, token, user) as api:
        tell(api.post(f"/grants/{grant_id}/amend"), as_json)


app.command("keys")(grant_keys.keys)
app.command("key-make")(grant_keys.key_make)
app.command("key-end")(grant_keys.key_end)
app.add_typer(explaining.of_grants)


@app.command()
def usage(
    grant_id: str,
    kind: Annotated[str, typer.Option("--kind", help="delivery, download, charge, refund, reserved, refused, plan")] = "",
    since: Annotated[str, typer.Option("--since", help="First day, 2026-03-01")] = "",
    until: Annotated[str, typer.Option("--until", help="Last day, 2026-03-31")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Every charge, refund, delivery, download and refusal, oldest first; sums over all of them are the used counters."""
    with connect(data_dir, server, token, user) as api:
        wish = {"kind": kind or None, "since": since or None, "until": until or None}
        show(api.get(f"/grants/{grant_id}/usage", **wish, limit=limit, offset=offset), as_json)
