"""`datagrant output`: the review of files before they leave."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Output reviews: list, show, sample, release, refuse.",
    no_args_is_help=True,
)
_COLUMNS = ("id", "kind", "dataset_id", "form", "rows", "level", "state", "voted", "needed", "due_on")
Note = Annotated[str, typer.Option("--note", help="Why; needed where the checks found something")]


@app.command("list")
def list_outputs(
    state: Annotated[str, typer.Option("--state", help="in_review, released, refused or withdrawn")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Files under review, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/outputs", state=state or None, dataset_id=dataset or None, limit=limit, offset=offset),
            as_json,
            _COLUMNS,
        )


@app.command("show")
def show_output(
    review_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """One file: what the checks found, and what you may do."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/outputs/{review_id}"), as_json)


@app.command("sample")
def sample(
    review_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """The first rows as they would leave, all of a result of the enclave; each look is written down."""
    with connect(data_dir, server, token, user) as api:
        found = api.post(f"/outputs/{review_id}/sample", {})
        if as_json:
            show(found, as_json)
            return
        rows = [dict(zip(found["columns"], row, strict=True)) for row in found["items"]]
        show({"items": rows, "total": found["total"]}, False, tuple(found["columns"]))


@app.command("release")
def release(
    review_id: str, note: Note = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "",
    user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Vote for release; the last vote that is needed decides."""
    with connect(data_dir, server, token, user) as api:
        found = api.step(f"/outputs/{review_id}/release", {"note": note})
        show(found if as_json else {name: found[name] for name in _COLUMNS}, as_json)


@app.command("refuse")
def refuse(
    review_id: str,
    reason: Annotated[
        str,
        typer.Option(
            "--reason", help="beyond-purpose, personal-data, small-groups, wrong-content, unsafe-content or other"
        ),
    ],
    note: Note = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Vote against release."""
    with connect(data_dir, server, token, user) as api:
        found = api.step(f"/outputs/{review_id}/refuse", {"refusal": reason, "note": note})
        show(found if as_json else {name: found[name] for name in _COLUMNS}, as_json)
