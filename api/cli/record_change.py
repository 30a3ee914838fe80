"""`datagrant record-change`: records as tables to edit and hand back, changes of many records, undoing them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Changes of many records: sheet, read, edit, list, show, undo.", no_args_is_help=True)
Chosen = Annotated[
    str, typer.Option("--query", help="As in the address of /datasets, e.g. 'q=停车&publisher=org-parking'")
]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Resource code; again for more")]
Apply = Annotated[
    bool, typer.Option("--apply", help="Carry it out; without it the difference is shown and nothing changes")
]
Note = Annotated[str, typer.Option("--note", help="For whoever reviews it")]
_COLUMNS = ("id", "source", "records", "made_zh", "made_at", "note", "undone_by")


@app.command()
def sheet(
    out: Annotated[Path, typer.Option("--out", help="records.xlsx or records.csv")], query: Chosen = "", ids: Ids = None,
    columns: Annotated[bool, typer.Option("--columns", help="As CSV: the data dictionaries; a workbook holds them anyway")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Write the records that you may change, with their data dictionaries, as a table to edit."""
    pairs = [
        ("query", query),
        ("part", "columns" if columns else "records"),
        ("format", "csv" if out.suffix == ".csv" else "xlsx"),
        *(("dataset_id", one) for one in ids or []),
    ]
    with connect(data_dir, server, token, user) as api:
        print(api.download(f"/record-sheets?{urlencode(pairs)}", out))


@app.command()
def read(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], apply: Apply = False, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Show what an edited table would change, with every cell that stands against it; --apply carries it out."""
    with connect(data_dir, server, token, user) as api:
        _shown(api, api.send("/record-changes/read", file.read_bytes()), apply, note, as_json)


@app.command()
def edit(
    query: Chosen = "", ids: Ids = None,
    put: Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE")] = None,
    add: Annotated[list[str] | None, typer.Option("--add", metavar="FIELD=WORDS")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="FIELD=WORDS")] = None,
    apply: Apply = False, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Set fields of chosen records, add words to lists or take them out; --apply carries it out."""
    operations = []
    for op, pairs in (("set", put), ("add", add), ("remove", remove)):
        for pair in pairs or []:
            field, sign, value = pair.partition("=")
            if not sign:
                raise typer.BadParameter(f"{pair} is not FIELD=VALUE")
            operations.append({"field": field, "op": op, "value": value})
    if not operations:
        raise typer.BadParameter("say what to do: --set, --add or --remove")
    body = {"query": query, "ids": ids or [], "operations": operations}
    with connect(data_dir, server, token, user) as api:
        _shown(api, api.post("/record-changes/edit", body), apply, note, as_json)


def _shown(api: Api, found: dict[str, Any], apply: bool, note: str, as_json: bool) -> None:
    if apply and not found["problems"]:
        body = {"changes": found["changes"], "source": found["source"], "note": note}
        _detail(api.post("/record-changes", body), as_json)
        return
    if as_json:
        show(found, as_json)
    else:
        _differences(found["items"])
        show(found["problems"], as_json, ("line", "column", "dataset_id", "field", "zh", "en"))
    if found["problems"]:
        raise typer.Exit(1)


def _differences(items: list[dict[str, Any]]) -> None:
    rows = [{"dataset_id": item["dataset_id"], **field} for item in items for field in item["fields"]]
    show(rows, False, ("dataset_id", "label_zh", "before", "after"))


def _detail(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show(found, as_json)
        return
    show({key: value for key, value in found.items() if key not in ("items", "conflicts")}, as_json)
    _differences(found["items"])
    show(found["conflicts"], as_json, ("dataset_id", "zh", "en"))


@app.command("list")
def list_changes(
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Changes of many records, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/record-changes", limit=limit, offset=offset), as_json, _COLUMNS)


@app.command("show")
def show_change(
    change_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One change: each record's difference, and what undoing would meet."""
    with connect(data_dir, server, token, user) as api:
        _detail(api.get(f"/record-changes/{change_id}"), as_json)


@app.command()
def undo(
    change_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put back what nobody changed since; what somebody changed is named and stays."""
    with connect(data_dir, server, token, user) as api:
        _detail(api.post(f"/record-changes/{change_id}/undo"), as_json)
