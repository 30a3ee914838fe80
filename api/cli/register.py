"""`datagrant register`: the public register of grants in force."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

COLUMNS = ("org_zh", "dataset_id", "title_zh", "scenario_id", "starts_at", "ends_at", "is_suspended")


def command(
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    scenario: Annotated[str, typer.Option("--scenario", help="Only this scenario")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Who is authorised for what, until when."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/register", dataset_id=dataset, scenario_id=scenario, limit=limit, offset=offset),
            as_json,
            COLUMNS,
        )
