"""`datagrant extract`: take granted data out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Server, Token, connect, demand_room_for, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Extracts under a grant: plan, request, list, show, withdraw, download, ticket, receipt, proof, marks, set-marks.",
    no_args_is_help=True,
)

Columns = Annotated[str, typer.Option("--columns", help="Comma between; empty means all that may leave")]
Filter = Annotated[
    str, typer.Option("--filter", help='JSON, e.g. {"op":"eq","column":"status","value":"open"}')
]
Purpose = Annotated[str, typer.Option("--purpose", help="Purpose code of the grant")]
Scenario = Annotated[str, typer.Option("--scenario", help="Scenario code of the grant")]
Release = Annotated[str, typer.Option("--release", help="Release id; empty means the current one")]
Form = Annotated[
    str,
    typer.Option(
        "--form",
        help="extract_parquet | extract_csv | extract_csv_gb18030 | extract_xlsx | extract_jsonl | extract_geojson",
    ),
]
_COLUMNS = ("id", "dataset_id", "release_number", "state", "rows", "size_bytes", "requested_at", "downloads")


def _body(
    grant_id: str, columns: str, row_filter: str, purpose: str, scenario: str, release: str, form: str
) -> dict[str, object]:
    try:
        parsed = json.loads(row_filter) if row_filter else None
    except json.JSONDecodeError as fault:
        raise typer.BadParameter(f"--filter is not JSON: {fault}") from None
    return {
        "grant_id": grant_id, "columns": [name.strip() for name in columns.split(",") if name.strip()],
        "filter": parsed, "purpose": purpose, "scenario_id": scenario, "release_id": release or None, "form": form,
    }  # fmt: skip


@app.command("plan")
def plan(
    grant_id: str, purpose: Purpose, scenario: Scenario, columns: Columns = "", row_filter: Filter = "",
    release: Release = "", form: Form = "extract_parquet", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What a request would deliver; exit code 1 with every reason when it is refused. Takes nothing from the quota."""
    with connect(data_dir, server, token, user) as api:
        body = _body(grant_id, columns, row_filter, purpose, scenario, release, form)
        planned = api.post("/extracts/plan", body)
        show(planned, as_json)
        if not planned["permitted"]:
            raise typer.Exit(1)


@app.command("request")
def request(
    grant_id: str, purpose: Purpose, scenario: Scenario, columns: Columns = "", row_filter: Filter = "",
    release: Release = "", form: Form = "extract_parquet",
    wait: Annotated[bool, typer.Option("--wait", help="Stay until the file is made")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Download it there as well (implies --wait)")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask for an extract. Exit code 1 with every reason when the grant does not allow it."""
    with connect(data_dir, server, token, user) as api:
        demand_room_for(out)
        made = api.post("/extracts", _body(grant_id, columns, row_filter, purpose, scenario, release, form))
        if wait or out:
            api.wait(made["job_id"], quiet=as_json)
            made = api.get(f"/extracts/{made['id']}")
        if out and made["state"] == "ready":
            _take(api, made["id"], made["sha256"], out)
        show(made, as_json)
        if out and made["state"] == "in_review":
            print(f"{made['id']} waits for its output review; download it after the release", file=sys.stderr)
        if made["state"] == "failed":
            raise typer.Exit(1)


@app.command("list")
def list_extracts(
    limit: Limit = 50, offset: Offset = 0,
    state: str = "", grant: str = "", dataset: str = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Extracts, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/extracts",
            state=state or None,
            grant_id=grant or None,
            dataset_id=dataset or None,
            limit=limit,
            offset=offset,
        )
        show(found, as_json, _COLUMNS)


@app.command("show")
def show_extract(
    extract_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """One extract."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/extracts/{extract_id}"), as_json)


@app.command("withdraw")
def withdraw(
    extract_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take back an extract that waits for its output review."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/extracts/{extract_id}/withdraw", {}), as_json)


@app.command("download")
def download(
    extract_id: str, out: Path, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """The file, checked against the digest of the record."""
    with connect(data_dir, server, token, user) as api:
        wanted = api.get(f"/extracts/{extract_id}")["sha256"]
        _take(api, extract_id, wanted, out)
    show({"path": str(out), "sha256": wanted, "bytes": out.stat().st_size}, as_json)


@app.command("ticket")
def ticket(
    extract_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """A one-time address of the file, good for five minutes, for a browser or a download manager."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/extracts/{extract_id}/tickets", {}), as_json)


def _take(api: Api, extract_id: str, wanted: str, out: Path) -> None:
    """Download and compare; a file that is not the recorded one does not stay."""
    import hashlib

    import httpx2

    try:
        api.download(f"/extracts/{extract_id}/file", out)
    except httpx2.RemoteProtocolError:  # the service hashes while it sends, and breaks off before the end
        out.unlink(missing_ok=True)
        said = f"broke off; if it does so again, what the service holds is not the recorded {wanted}: tell its operators"
        print(f"{out}: {said} 传输中断；若再次中断，则所存文件与记录不符，请告知运维人员", file=sys.stderr)
        raise typer.Exit(1) from None
    with out.open("rb") as source:
        found = hashlib.file_digest(source, "sha256").hexdigest()
    if found != wanted:
        out.unlink()
        print(f"{out}: digest {found} is not the recorded {wanted}; download it again", file=sys.stderr)
        raise typer.Exit(1)


@app.command("receipt")
def receipt(
    extract_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """The receipt. With --json its canonical bytes: their SHA-256 is the record's `receipt_hash`."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/extracts/{extract_id}/receipt")
    if as_json:
        import rfc8785

        sys.stdout.buffer.write(rfc8785.dumps(found))
        sys.stdout.flush()
    else:
        show(found, False)


@app.command("marks")
def marks(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """The columns of a dataset whose values may be off by a hidden mark, with their tolerances."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/marks/{dataset_id}"), as_json)


@app.command("set-marks")
def set_marks(
    dataset_id: str,
    columns: Annotated[str, typer.Option("--columns", help='JSON, e.g. {"speed":0.1}; {} takes all marks back')],
    reason: Annotated[str, typer.Option("--reason", help="Why")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Allow hidden marks in these columns of a dataset of your department, and in no others."""
    try:
        wanted = json.loads(columns)
    except json.JSONDecodeError as fault:
        raise typer.BadParameter(f"--columns is not JSON: {fault}") from None
    with connect(data_dir, server, token, user) as api:
        show(api.put(f"/marks/{dataset_id}", {"columns": wanted, "reason": reason}), as_json)


@app.command()
def proof(
    extract_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """That the delivery stands in the signed record; `datagrant audit verify` checks the JSON offline."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/extracts/{extract_id}/proof"), as_json)
