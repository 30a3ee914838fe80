"""`datagrant read`: the rows that a grant gives, into the terminal or a file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, demand_room_for


def command(
    dataset: Annotated[str, typer.Argument(help="Code of the dataset")],
    columns: Annotated[str, typer.Option("--columns", help="Comma between; empty means all that the grant gives")] = "",
    where: Annotated[str, typer.Option("--where", help='JSON: {"op":"gt","column":"rooms","value":10} or [["rooms",">",10]]')] = "",
    grant: Annotated[str, typer.Option("--grant", help="Needed where several grants would do")] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="Needed where the grant has several")] = "",
    release: Annotated[int, typer.Option("--release", help="Number of the release; 0 means the current one")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="Write there: .parquet, .csv or .jsonl by its ending")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Rows that are printed without --out")] = 20,
    cache: Annotated[Path | None, typer.Option("--cache", envvar="DATAGRANT_CACHE", help="Folder that keeps files")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Read granted data: as `datagrant.read` does in Python. Exit code 1 with what each grant lacks when none allows it."""
    from api.reader import read_with
    from api.reader.cache import Cache
    from api.reader.faults import Refusal

    names = [name.strip() for name in columns.split(",") if name.strip()]
    with connect(data_dir, server, token, user) as api:
        demand_room_for(out)
        try:
            table = read_with(
                api, dataset, names, where or None, grant=grant or None, purpose=purpose or None, release=release or None,
                kind="arrow", progress=False if as_json else None, cache=Cache.at(cache),
            )  # fmt: skip
        except Refusal as refusal:
            said = {"title": "Refused", "detail": str(refusal), "reasons": refusal.reasons}
            print(json.dumps(said, ensure_ascii=False) if as_json else str(refusal), file=sys.stderr)
            raise typer.Exit(1) from None
        except ValueError as fault:
            raise typer.BadParameter(f"--where: {fault}") from None
    if out is None:
        _print(table, limit, as_json=as_json)
        return
    _write(table, out)
    said = {"path": str(out), "rows": table.num_rows, "columns": table.schema.names}
    print(json.dumps(said, ensure_ascii=False) if as_json else f"{out}: {table.num_rows} rows")


def _print(table: object, limit: int, *, as_json: bool) -> None:
    import pyarrow as pa
    from rich.console import Console
    from rich.table import Table

    assert isinstance(table, pa.Table)  # noqa: S101 - asked for as one
    rows = table.slice(0, limit).to_pylist()
    if as_json:
        print(json.dumps({"items": rows, "total": table.num_rows}, ensure_ascii=False, indent=2, default=str))
        return
    shown = Table(*table.schema.names)
    for row in rows:
        shown.add_row(*["" if value is None else str(value) for value in row.values()])
    Console().print(shown)
    if table.num_rows > len(rows):
        print(f"{len(rows)} of {table.num_rows} rows; --out FILE keeps them all", file=sys.stderr)


def _write(table: object, out: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from auth.policy.model import DeliveryForm
    from datasets.formats.writing import writing

    assert isinstance(table, pa.Table)  # noqa: S101 - asked for as one
    forms = {".csv": DeliveryForm.EXTRACT_CSV, ".jsonl": DeliveryForm.EXTRACT_JSONL}
    part = out.with_name(f"{out.name}.part")
    part.unlink(missing_ok=True)
    try:
        if (form := forms.get(out.suffix)) is None:
            pq.write_table(table, part)
        else:
            with writing(part, table.schema, form, (), {}) as write:
                for batch in table.to_batches():
                    write(batch)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
