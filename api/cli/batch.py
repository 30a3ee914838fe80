"""`datagrant batch`: hand in, look, confirm, correct."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import (
    DEFAULT_DIR,
    Api,
    As,
    DataDir,
    Json,
    Refused,
    Server,
    Token,
    connect,
    demand_room_for,
    show,
)
from api.listing import Limit, Page
from api.reading_options import (
    Delimiter,
    Encoding,
    FillMissing,
    Format,
    HeaderLine,
    HeaderRows,
    Member,
    QuoteMark,
    Sheet,
    Zone,
    reading,
)

app = typer.Typer(
    help="Batches: submit, list, show, preview, accept, split, dictionary, verdict, docs, failing, untyped, confirm, reject, rows, recheck.",
    no_args_is_help=True,
)
RULE_COLUMNS = ("place", "rule_zh", "rule_en", "severity", "outcome", "pass_rate", "unexpected_count")
COLUMNS = ("id", "dataset_id", "number", "name", "state", "verdict", "rows", "submitted_at")
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the check to end; exit 1 unless the batch may go on")
]
NoteText = Annotated[str, typer.Option("--note", help="The signed note")]
GOOD = ("passed", "passed_with_waivers", "needs_confirmation", "confirmed")


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
    if listed := batch.get("members"):
        from api.cli.members import print_members

        print_members(listed, batch["members_total"], "en")
    if choices := batch.get("choices"):
        for name in choices[:20]:
            print(f"  - --member {shlex.quote(name)}", file=sys.stderr)
        print("  - --member '*'  (all as one table)", file=sys.stderr)
        print(f"  - datagrant batch split {batch['id']} --table MEMBER=DATASET …", file=sys.stderr)
    if batch["state"] == "needs_look":
        for guess in batch["doubts"]:
            print(f"  - {_doubt(guess)}", file=sys.stderr)
        print(
            f"look: datagrant batch preview {batch['id']}; then datagrant batch accept {batch['id']}, or "
            f"datagrant batch recheck {batch['id']} with --encoding, --delimiter, --header-line, --sheet or --member",
            file=sys.stderr,
        )
        return
    for rule in batch.get("outcomes", []):
        if rule["outcome"] != "passed":
            print(f"  - {rule['rule_zh']} {rule['rule_en']}: {rule['outcome']}", file=sys.stderr)
    print(
        f"see: datagrant batch show {batch['id']} | datagrant batch rows {batch['id']} --out FILE.xlsx",
        file=sys.stderr,
    )


def _doubt(guess: dict[str, Any]) -> str:
    """One doubtful conclusion: what was taken, how sure that is, and what else it may be."""
    others = ", ".join(json.dumps(each["value"], ensure_ascii=False) for each in guess["alternatives"])
    taken = json.dumps(guess["value"], ensure_ascii=False)
    maybe = f"; maybe {others}" if others else ""
    return f"{guess['aspect']} {taken}: {guess['confidence']:.0%}, {guess['why']['en']}{maybe}"


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The file to hand in")],
    dataset: Annotated[str, typer.Option("--dataset", help="Resource code of the dataset")],
    corrects: Annotated[str, typer.Option(help="The batch that this file corrects")] = "",
    rows_only: Annotated[
        bool, typer.Option("--rows-only", help="The file holds only corrected rows")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Hand in the same bytes once more")] = False,
    encoding: Encoding = "",
    delimiter: Delimiter = "",
    header_line: HeaderLine = -1,
    header_rows: HeaderRows = -1,
    sheet: Sheet = "",
    member: Member = "",
    fill_missing: FillMissing = False,
    file_format: Format = "",
    quote: QuoteMark = "",
    zone: Zone = "",
    wait: Wait = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Hand a file in; the answer is the receipt. How it is read is detected unless said here."""
    how = reading(
        encoding=encoding, delimiter=delimiter, header_line=header_line,
        header_rows=header_rows, sheet=sheet, member=member, fill_missing=fill_missing,
            format=file_format, quote=quote, zone=zone,
    )  # fmt: skip
    with connect(data_dir, server, token, user) as api:
        batch = api.upload(
            "/batches",
            file,
            dataset_id=dataset,
            corrects=corrects or None,
            rows_only=rows_only,
            again=again,
            **how,
        )
        _followed(api, batch, wait, as_json)


@app.command("list")
def list_batches(
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    state: Annotated[str, typer.Option("--state", help="Only this state")] = "",
    limit: Limit = 50,
    page: Page = 1,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Batches of one's department, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/batches", dataset_id=dataset or None, state=state or None, limit=limit, page=page),
            as_json,
            COLUMNS,
        )


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
        if found["intake"]:
            show([_reading_row(guess) for guess in found["intake"]["input"].get("detection", [])], False)
        for other in found["same_bytes"]:
            print(f"same bytes 同样的字节: {other['number']} {other['name']} {other['id']}")
        show(
            found["outcomes"],
            False,
            ("rule_en", "type", "severity", "outcome", "unexpected_count", "examples"),
        )


@app.command()
def verdict(
    batch_id: str,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """What the gate found, rule by rule."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/batches/{batch_id}/verdict")
        show(found if as_json else found["rules"], as_json, RULE_COLUMNS)
        if not as_json:
            show(found["checks"], False, ("indicator", "zh", "en", "score", "missing"))


def _reading_row(guess: dict[str, Any]) -> dict[str, str]:
    return {
        "aspect": guess["aspect"],
        "value": json.dumps(guess["value"], ensure_ascii=False),
        "confidence": "told" if guess["told"] else f"{guess['confidence']:.0%}",
        "why": guess["why"]["en"],
        "alternatives": ", ".join(
            json.dumps(each["value"], ensure_ascii=False) for each in guess["alternatives"]
        ),
    }


@app.command()
def preview(
    batch_id: str,
    rows: Annotated[
        int, typer.Option("--rows", min=1, max=200, help="How many first and how many last rows")
    ] = 10,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """First and last rows as typed, column types, suspicious cells with line and column."""
    from api.cli.preview import print_preview

    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/batches/{batch_id}/preview", rows=rows)
        if as_json:
            show(found, True)
        else:
            print_preview(found, found["detection"])


@app.command()
def dictionary(
    batch_id: str,
    out: Annotated[
        Path | None, typer.Option("--out", help="Where the proposed dictionary goes (JSON)")
    ] = None,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """The dictionary that the batch suggests; review it, then `datagrant dataset dictionary CODE --replace FILE`."""
    with connect(data_dir, server, token, user) as api:
        demand_room_for(out)
        text = json.dumps(api.get(f"/batches/{batch_id}/dictionary"), ensure_ascii=False, indent=2)
        if out is None:
            print(text)
        else:
            out.write_text(text + "\n", encoding="utf-8")
            print(out)


@app.command()
def accept(
    batch_id: str,
    wait: Wait = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Say that a doubtful reading is right; the check goes on."""
    with connect(data_dir, server, token, user) as api:
        _followed(api, api.step(f"/batches/{batch_id}/accept"), wait, as_json)


@app.command()
def split(
    batch_id: str,
    table: Annotated[
        list[str],
        typer.Option(
            "--table",
            help="MEMBER=DATASET: hand this member in for this dataset; repeatable",
            metavar="MEMBER=DATASET",
        ),
    ],
    again: Annotated[
        bool, typer.Option("--again", help="Also where a dataset has that member already")
    ] = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Hand each member of an archive in as a table of its own: all of them or none. The answer is one receipt per member."""
    with connect(data_dir, server, token, user) as api:
        tables = _tables(table)
        made = api.step(f"/batches/{batch_id}/split", {"tables": tables, "again": again})["items"]
        show(made, as_json, ("id", "dataset_id", "member", "number", "name", "state", "sha256", "job_id"))


def _tables(given: list[str]) -> dict[str, str]:
    """`MEMBER=DATASET` as typed; a member may hold `=` itself. Raises Refused."""
    found: dict[str, str] = {}
    for each in given:
        member, equals, dataset = each.rpartition("=")
        if not (member and equals and dataset) or member in found:
            detail = f"--table takes MEMBER=DATASET, once for each member 应写作 成员=数据集，每个成员一次: {each!r}"
            raise Refused({"title": "Not understood", "detail": detail})
        found[member] = dataset
    return found


@app.command()
def docs(
    batch_id: str,
    out: Annotated[Path, typer.Option("--out", help="Where the zip goes")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Great Expectations' own Data Docs of the batch's verdict, as a zip."""
    with connect(data_dir, server, token, user) as api:
        demand_room_for(out)
        asked = api.post(f"/batches/{batch_id}/verdict/docs")
        if (done := api.wait(asked["id"]))["state"] != "done":
            show({key: done[key] for key in ("id", "state", "message_zh", "message_en")}, False)
            raise typer.Exit(1)
        print(api.download(f"/batches/{batch_id}/verdict/docs", out))


def _form(out: Path) -> str:
    """A list is written as the name's ending says."""
    if out.suffix.lower() not in (".parquet", ".csv"):
        raise typer.BadParameter(f"{out.name}: .parquet | .csv")
    return out.suffix.lower().removeprefix(".")


@app.command()
def failing(
    batch_id: str,
    out: Annotated[Path, typer.Option("--out", help="Where the list goes: .parquet or .csv")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Every failing row of the batch's verdict, once for each rule that it fails, with key columns and value."""
    form = _form(out)
    with connect(data_dir, server, token, user) as api:
        demand_room_for(out)
        asked = api.post(f"/batches/{batch_id}/verdict/failing")
        if (done := api.wait(asked["id"]))["state"] != "done":
            show({key: done[key] for key in ("id", "state", "message_zh", "message_en")}, False)
            raise typer.Exit(1)
        print(api.download(f"/batches/{batch_id}/verdict/failing?form={form}", out))
        if left_out := (done["result"] or {}).get("left_out"):
            print(
                f"left out: rules {left_out} count otherwise today 规则 {left_out} 现计数与结论不同，未列出",
                file=sys.stderr,
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
        show(api.step(f"/batches/{batch_id}/confirm", {"note": note}), as_json)


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
        show(api.step(f"/batches/{batch_id}/reject", {"note": note}), as_json)


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
def untyped(
    batch_id: str,
    out: Annotated[Path, typer.Option("--out", help="Where the list goes: .parquet or .csv")],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Every cell that its declared type cannot hold: record, line, column, value as written, wanted type."""
    form = _form(out)
    with connect(data_dir, server, token, user) as api:
        print(api.download(f"/batches/{batch_id}/untyped?form={form}", out))


@app.command()
def original(
    batch_id: str,
    out: Annotated[
        Path, typer.Option("--out", help="Where the file goes, byte for byte as it was handed in")
    ],
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
) -> None:
    """Download the file as it was handed in, for the department's own stewards."""
    with connect(data_dir, server, token, user) as api:
        print(api.download(f"/batches/{batch_id}/original", out))


@app.command()
def recheck(
    batch_id: str,
    encoding: Encoding = "",
    delimiter: Delimiter = "",
    header_line: HeaderLine = -1,
    header_rows: HeaderRows = -1,
    sheet: Sheet = "",
    member: Member = "",
    fill_missing: FillMissing = False,
    file_format: Format = "",
    quote: QuoteMark = "",
    zone: Zone = "",
    detect: Annotated[
        list[str],
        typer.Option("--detect", help="Detect this again, whatever was said before: header_line, …"),
    ] = [],  # noqa: B006 - typer copies it
    wait: Wait = False,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """Check the same bytes again, read differently if said so."""
    options = reading(
        encoding=encoding, delimiter=delimiter, header_line=header_line,
        header_rows=header_rows, sheet=sheet, member=member, fill_missing=fill_missing,
            format=file_format, quote=quote, zone=zone,
    )  # fmt: skip
    options |= {name.replace("-", "_"): None for name in detect}
    with connect(data_dir, server, token, user) as api:
        if options:
            at = f"/batches/{batch_id}/options"
            batch = api.step(at, options, how="PATCH")
        else:
            batch = api.step(f"/batches/{batch_id}/recheck")
        _followed(api, batch, wait, as_json)
