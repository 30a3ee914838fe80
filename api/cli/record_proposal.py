"""`datagrant record-proposal`: changes of records that wait for a second person."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Proposals on dataset records: list, show, accept, return, take back.", no_args_is_help=True
)
_COLUMNS = (
    "id",
    "dataset_id",
    "title_zh",
    "kind",
    "state",
    "proposed_zh",
    "proposed_at",
    "takes_effect_at",
    "changed_fields",
)
State = Annotated[str, typer.Option("--state", help="open | timed | accepted | returned | taken_back")]


@app.command("list")
def list_proposals(
    state: State = "open", dataset: Annotated[str, typer.Option("--dataset", help="Resource code")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What waits for a second person, newest first; --state "" lists all."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get(
                "/record-proposals",
                state=state or None,
                dataset_id=dataset or None,
                limit=limit,
                offset=offset,
            ),
            as_json,
            _COLUMNS,
        )


@app.command("show")
def show_proposal(
    proposal_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One proposal: what differs, what stands against it, what you may do."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/record-proposals/{proposal_id}")
        if as_json:
            show(found, as_json)
            return
        lists = ("fields", "columns", "objections", "steps")
        show({key: value for key, value in found.items() if key not in lists}, as_json)
        show(found["fields"], as_json, ("label_zh", "before", "after", "is_drifted"))
        show(found["columns"], as_json, ("name", "kind", "facts"))


@app.command()
def accept(
    proposal_id: str,
    at: Annotated[str, typer.Option("--at", help="To take effect at this moment (2026-12-01T09:00:00+08:00), or to move it there; left out: now")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Let it stand, at once or at a moment; not by who proposed or wrote it. Returning or taking back calls a moment off."""
    with connect(data_dir, server, token, user) as api:
        if at:
            show(api.step(f"/record-proposals/{proposal_id}/accept-at", {"at": at}), as_json)
            return
        show(api.step(f"/record-proposals/{proposal_id}/accept", {}), as_json)


@app.command("return")
def give_back(
    proposal_id: str, reason: Annotated[str, typer.Option("--reason", help="What its author should mend")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Return it to its author with a reason."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/record-proposals/{proposal_id}/return", {"reason": reason}), as_json)


@app.command("take-back")
def take_back(
    proposal_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take back what you proposed."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/record-proposals/{proposal_id}/take-back", {}), as_json)
