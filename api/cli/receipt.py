"""`datagrant receipt`: the key that signs receipts, and checking one without the server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

app = typer.Typer(help="Receipts and deletion certificates: key, verify.", no_args_is_help=True)


@app.command("key")
def key(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False
) -> None:  # fmt: skip
    """The public key that signs receipts."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/extracts/receipt-key"), as_json)


@app.command("verify")
def verify(
    receipt: Annotated[Path, typer.Argument(help="The receipt or deletion certificate as it was downloaded")],
    file: Annotated[Path | None, typer.Option("--file", help="The extract's file, to compare with the receipt")] = None,
    public_key: Annotated[str, typer.Option("--key", help="The public key as known from elsewhere (`receipt key`)")] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Check signature and file offline. Exit code 1, and what is wrong, when it does not hold."""
    from datasets.extracts.signing import check

    for path in (receipt, file):
        if path is not None and not path.is_file():
            print(f"{path}: no such file", file=sys.stderr)
            raise typer.Exit(2)
    found = check(receipt.read_bytes(), key=public_key, file=file)
    if as_json:
        said = {
            "holds": not found.flaws,
            "extract": found.extract,
            "key": found.key,
            "key_was_given": found.is_pinned,
        }
        show(said | {"flaws": [flaw.en for flaw in found.flaws]}, True)
    elif not found.flaws:
        print(f"sound: {found.extract}" + (", and the file is the one that left" if file else ""))
        print(
            f"key {found.key}" + ("" if found.is_pinned else "  (compare it with the one that was published)")
        )
    for flaw in found.flaws:
        print(f"{flaw.zh} · {flaw.en}", file=sys.stderr)
    if found.flaws:
        raise typer.Exit(1)
