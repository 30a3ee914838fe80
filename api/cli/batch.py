"""`datagrant batch`: hand in, look, confirm, correct."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Batches: submit, list, show, confirm, reject, rows, recheck.", no_args_is_help=True)
COLUMNS = ("id", "dataset_id", "number", "name", "state", "verdict", "rows", "submitted_at")
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the check to end; exit 1 unless the batch may go on")
]
NoteText = Annotated[str, typer.Option("--note", help="The signed note")]
GOOD = ("passed", "needs_confirmation", "confirmed")


def _followed(api: Api, batch: dict[str, Any], wait: bool, as_json: bool) -> None:
    """Show the batch, after its check when asked to wait."""
    if wait and batch["job_id"]:
        api.wait(batch["job_id"], quiet=as_json)
        batch = api.get(f"/batches/{batch['id']}")
    show(
        batch if as_json else {name: batch[name] for name in (*COLUMNS, "sha256", "size_bytes", "job_id")},
        as_json,
    )
    if wait and batch["state"] not in GOOD:
        _say_why(batch)
        raise typer.Exit(1)


def _say_why(batch: dict[str, Any]) -> None:
    """What stopped the batch, and where to look next; on stderr."""
    if problem := batch.get("problem"):
        print(f"{problem['zh']} {problem['en']}", file=sys.stderr)
    for rule in batch.get("outcomes", []):
        if rule["outcome"] != "passed":
            print(f"  - {rule['rule_zh']} {rule['rule_en']}: {rule['outcome']}", file=sys.stderr)
    print(
        f"see: datagrant batch show {batch['id']} | datagrant batch rows {batch['id']} --out FILE.xlsx",
        file=sys.stderr,
    )


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file to hand in")],
    dataset: Annotated[str, typer.Option("--dataset", help="Resource code of the dataset")],
    corrects: Annotated[str, typer.Option(help="The batch that this file corrects")] = "",
    rows_only: Annotated[
        bool, typer.Option("--rows-only", help="The file holds only corrected rows")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Hand in the same bytes once more")] = False,
    wait: Wait = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Hand a file in; the answer is the receipt."""
    with connect(data_dir, server, token, user) as api:
        batch = api.upload(
            "/batches", file, dataset_id=dataset, corrects=corrects or None, rows_only=rows_only, again=again
        )
        _followed(api, batch, wait, as_json)


@app.command("list")
def list_batches(
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    state: Annotated[str, typer.Option("--state", help="Only this state")] = "",
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Batches of one's department, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/batches", dataset_id=dataset or None, state=state or None), as_json, COLUMNS)


@app.command("show")
def show_batch(
    batch_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """One batch with the gate's findings."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/batches/{batch_id}")
        if as_json:
            show(found, True)
            return
        show({name: found[name] for name in (*COLUMNS, "sha256", "problem", "confirmed_note")}, False)
        show(
            found["outcomes"],
            False,
            ("rule_en", "type", "severity", "outcome", "unexpected_count", "examples"),
        )


@app.command()
def confirm(
    batch_id: str,
    note: NoteText,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Sign for the warnings of a batch."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/batches/{batch_id}/confirm", {"note": note}), as_json)


@app.command()
def reject(
    batch_id: str,
    note: NoteText,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Send a batch back for good."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/batches/{batch_id}/reject", {"note": note}), as_json)


@app.command()
def rows(
    batch_id: str,
    out: Annotated[Path, typer.Option("--out", help="Where the workbook goes (XLSX)")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Download the failing rows as a workbook to correct."""
    with connect(data_dir, server, token, user) as api:
        print(api.download(f"/batches/{batch_id}/rows", out))


@app.command()
def recheck(
    batch_id: str,
    encoding: Annotated[str, typer.Option(help="Read the text in this encoding")] = "",
    delimiter: Annotated[str, typer.Option(help="Split the lines at this character")] = "",
    header_line: Annotated[int, typer.Option(help="Line of the header, from 1; 0 for none")] = -1,
    sheet: Annotated[str, typer.Option(help="Read this sheet")] = "",
    member: Annotated[str, typer.Option(help="Read this member of the archive")] = "",
    wait: Wait = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Check the same bytes again, read differently if said so."""
    given = {"encoding": encoding, "delimiter": delimiter, "sheet": sheet, "member": member}
    options: dict[str, Any] = {key: value for key, value in given.items() if value}
    if header_line >= 0:
        options["header_line"] = header_line
    with connect(data_dir, server, token, user) as api:
        if options:
            batch = api.patch(f"/batches/{batch_id}/options", options)
        else:
            batch = api.post(f"/batches/{batch_id}/recheck")
        _followed(api, batch, wait, as_json)
