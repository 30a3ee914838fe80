"""`datagrant reuse`: what people made of datasets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="What people made of datasets: list, show, suggest, step.", no_args_is_help=True)
_COLUMNS = ("id", "dataset_id", "kind", "title", "made_by", "state", "posted_at", "url")


class Step(StrEnum):
    SHOW = "show"
    DECLINE = "decline"
    REMOVE = "remove"
    TAKE_BACK = "take-back"


def _shown(found: dict[str, Any], as_json: bool) -> None:
    show(
        found if as_json else {key: found[key] for key in (*_COLUMNS, "summary", "reason", "steps")}, as_json
    )


@app.command("list")
def list_reuses(
    dataset: Annotated[str, typer.Option("--dataset", help="Resource code")] = "",
    state: Annotated[str, typer.Option("--state", help="suggested | shown | declined | removed | taken-back")] = "",
    limit: Limit = 20, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Those that are shown, your own, and those that your department judges; newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/reuses", dataset_id=dataset or None, state=state or None, limit=limit, offset=offset),
            as_json,
            _COLUMNS,
        )


@app.command("show")
def show_reuse(
    reuse_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One of them."""
    with connect(data_dir, server, token, user) as api:
        _shown(api.get(f"/reuses/{reuse_id}"), as_json)


@app.command()
def suggest(
    dataset_id: str,
    title: Annotated[str, typer.Option("--title")],
    summary: Annotated[str, typer.Option("--summary", help="What it does with the data")],
    made_by: Annotated[str, typer.Option("--by", help="Who made it, as readers are to see it")],
    url: Annotated[str, typer.Option("--url")] = "",
    kind: Annotated[str, typer.Option("--kind", help="application | visualisation | article | research | service | product | other")] = "application",
    product: Annotated[str, typer.Option("--product", help="A product of your organisation built on a grant on it")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Suggest one for a published dataset; its department judges it."""
    body = {
        "kind": kind,
        "title": title,
        "summary": summary,
        "url": url,
        "made_by": made_by,
        "product_id": product,
    }
    with connect(data_dir, server, token, user) as api:
        _shown(api.post("/reuses", body, dataset_id=dataset_id), as_json)


@app.command()
def step(
    reuse_id: str, step: Step, reason: Annotated[str, typer.Option("--reason", help="Needed to decline or remove")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The department shows, declines or takes off; its author takes back."""
    with connect(data_dir, server, token, user) as api:
        _shown(api.post(f"/reuses/{reuse_id}/{step.value}", {"reason": reason}), as_json)
