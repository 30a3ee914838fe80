"""`datagrant matrix`: datasets within authorised operation × scenarios."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset


def command(
    theme: Annotated[str, typer.Option("--theme", help="Only this theme: PK, WX, …")] = "",
    org: Annotated[str, typer.Option("--org", help="Count this organisation alone")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Each cell: grants in force / suspended / not yet in force / applications under way."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/matrix", theme=theme, org_id=org, limit=limit, offset=offset)
        show(found if as_json else found | {"items": [_line(each) for each in found["items"]]}, as_json)


def _line(row: dict[str, Any]) -> dict[str, str]:
    counts = {
        cell[
            "scenario_id"
        ]: f"{cell['in_force']}/{cell['suspended']}/{cell['pending']}/{cell['applications']}"
        for cell in row["cells"]
    }
    release = f"v{row['release_no']}" if row["release_no"] else "-"
    return {"dataset": row["dataset_id"], "release": release, "quality": row["quality_grade"] or "-"} | counts
