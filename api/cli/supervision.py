"""`datagrant supervision`: the dashboard's figures, the usage ledger, and both as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlencode

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Otp, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Supervision: dashboard, usage ledger.", no_args_is_help=True)
LEDGER = (
    "at",
    "kind",
    "account",
    "org_id",
    "dataset_id",
    "release_number",
    "purpose",
    "rows",
    "bytes",
    "epsilon_micro",
    "duration_ms",
    "origin",
)
MONTHLY = (
    "key",
    "in_force",
    "applications",
    "decided",
    "deliveries",
    "rows",
    "bytes",
    "downloads",
    "refusals",
    "findings",
)
WATCHED = ("grant_id", "org_id", "dataset_id", "ends_at", "columns")


@app.command("show")
def show_dashboard(
    first: Annotated[str, typer.Option("--first", help="First month, 2026-01")] = "",
    last: Annotated[str, typer.Option("--last", help="Last month, counted")] = "",
    part: Annotated[str, typer.Option("--part", help="months, datasets, orgs, dormant, asleep, over_broad, ending or refused")] = "months",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What was taken, and the grants that want a look."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/supervision", first=first or None, last=last or None)
        if as_json:
            show(found, True)
        else:
            columns = WATCHED if part in ("dormant", "asleep", "over_broad", "ending") else ()
            show({"items": found[part]}, False, columns)


@app.command()
def ledger(
    kind: Annotated[str, typer.Option("--kind", help="charge, delivery, refund, download or refused")] = "",
    grant: Annotated[str, typer.Option("--grant", help="Only this grant")] = "",
    org: Annotated[str, typer.Option("--org", help="Only this organisation")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    account: Annotated[str, typer.Option("--account", help="Only this person's account")] = "",
    since: Annotated[str, typer.Option("--since", help="Instant with offset: 2026-01-01T00:00:00+08:00")] = "",
    until: Annotated[str, typer.Option("--until", help="Instant with offset, not counted")] = "",
    limit: Limit = 50, offset: Offset = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Write all lines to this file: .csv, .xlsx or .json")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Who took what, newest first; `--out` takes all that match, and that is recorded."""
    asked = {
        "kind": kind, "grant_id": grant, "org_id": org, "dataset_id": dataset, "account": account,
        "since": since, "until": until,
    }  # fmt: skip
    given = {name: value for name, value in asked.items() if value}
    with connect(data_dir, server, token, user) as api:
        if out is not None:
            form = out.suffix.removeprefix(".").lower()
            api.download(f"/usage/file?{urlencode({**given, 'form': form})}", out)
            show({"out": str(out), "bytes": out.stat().st_size}, as_json)
            return
        show(api.get("/usage", **given, limit=limit, offset=offset), as_json, LEDGER)


@app.command()
def monthly(
    month: Annotated[str, typer.Argument(help="A month, 2026-03")],
    by: Annotated[str, typer.Option("--by", help="dataset, department or enterprise")] = "dataset",
    out: Annotated[Path | None, typer.Option("--out", help="Write the report here: .csv, .xlsx or .json")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The month's report: grants, applications, what was taken, refused and found, by dataset, department or enterprise."""
    with connect(data_dir, server, token, user) as api:
        which = quote(month, safe="")
        if out is not None:
            form = out.suffix.removeprefix(".").lower()
            api.download(f"/supervision/months/{which}/file?{urlencode({'by': by, 'form': form})}", out)
            show({"out": str(out), "bytes": out.stat().st_size}, as_json)
            return
        found = api.get(f"/supervision/months/{which}", by=by)
        show(found if as_json else {"items": [*found["lines"], found["total"]]}, as_json, MONTHLY)


@app.command()
def disclosure(
    year: Annotated[int, typer.Argument(min=2000, max=2100, help="The year to be disclosed")],
    out: Annotated[Path | None, typer.Option("--out", help="Write the pack (ZIP) here")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What must be disclosed of a year; without --out, what is still missing."""
    with connect(data_dir, server, token, user) as api:
        if out is not None:
            api.fetch_by_post(f"/disclosure/{year}/pack", out)
            show({"out": str(out), "bytes": out.stat().st_size}, as_json)
            return
        found = api.get(f"/disclosure/{year}")
        show(
            found if as_json else {"items": found["missing"]}, as_json, ("section", "subject", "field", "en")
        )


@app.command()
def disclose(
    year: Annotated[int, typer.Argument(min=2000, max=2100, help="A year that is over")],
    sha256: Annotated[str, typer.Option("--sha256", help="Digest of disclosure.json in the pack that you looked at; none: only show it")] = "",
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Disclose a year as you looked at it: its figures never change again. Without --sha256, say when it was disclosed."""
    with connect(data_dir, server, token, user, otp) as api:
        at = f"/disclosure/{year}/publication"
        show(api.post(at, {"sha256": sha256}) if sha256 else api.get(at), as_json)


@app.command()
def transparency(
    year: Annotated[int | None, typer.Option("--year", min=2000, max=2100, help="Another year than this")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """How applications were handled in a year, as everybody may know it: numbers, share granted, median of working days, reasons of refusal."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/transparency", year=year), as_json)


@app.command()
def revenue(
    year: Annotated[int | None, typer.Option("--year", min=2000, max=2100, help="One year; all without")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What each operator took in a year against its cap; the excess is deducted in the next."""
    with connect(data_dir, server, token, user) as api:
        columns = ("org_id", "year", "taken_fen", "cap_fen", "deducted_fen", "allowed_fen", "excess_fen")
        show(api.get("/revenue", year=year), as_json, columns)


@app.command("revenue-cap")
def revenue_cap(
    org: Annotated[str, typer.Argument(help="The operator's id")],
    year: Annotated[int, typer.Option("--year", min=2000, max=2100, help="The year")],
    fen: Annotated[int, typer.Option("--fen", min=0, help="The cap in fen")],
    source: Annotated[str, typer.Option("--source", help="Where it comes from")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Propose the highest revenue of an operator in a year; a second person confirms it (`datagrant cap`)."""
    body = {"org_id": org, "year": year, "cap_fen": fen, "source": source}
    with connect(data_dir, server, token, user) as api:
        show(api.post("/revenue/caps", body), as_json)
