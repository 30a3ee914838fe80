"""`datagrant demand`: needs for data, and the bureau's answers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Data demands: list, show, state, vote, accept, assign, handle, return, answer, dismiss.",
    no_args_is_help=True,
)
COLUMNS = ("id", "title", "state", "department_id", "votes", "outcome", "due_on", "is_overdue")


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command("list")
def list_demands(
    state: Annotated[str, typer.Option("--state", help="RECEIVED, ACCEPTED, ASSIGNED, HANDLED, ANSWERED or DISMISSED")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Those whose answer points to this dataset")] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Those that you stated")] = False,
    sort: Annotated[str, typer.Option("--sort", help="-created, -votes or due")] = "-created",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Needs that you may see."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/demands",
            state=state or None,
            dataset_id=dataset,
            mine=mine or None,
            sort=sort,
            limit=limit,
            offset=offset,
        )
        show(found, as_json, COLUMNS)


@app.command("show")
def show_demand(
    demand_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One need and its answer."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/demands/{demand_id}"), as_json)


@app.command()
def state(
    title: Annotated[str, typer.Argument(help="What data")],
    need: Annotated[str, typer.Option("--need", help="Content, extent and how often")],
    purpose: Annotated[str, typer.Option("--purpose", help="What for")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """State a need."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.post("/demands", {"title": title, "need": need, "purpose": purpose}), as_json)


@app.command()
def accept(
    demand_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Accept it for the public list."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/demands/{demand_id}/accept", {}), as_json)


@app.command()
def vote(
    demand_id: str,
    take_back: Annotated[bool, typer.Option("--take-back", help="You do not need it any more")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say that you need it too."""
    place = f"/demands/{demand_id}/vote"
    with connect(data_dir, server, token, user) as api:
        _tell(api.delete(place) if take_back else api.put(place), as_json)


@app.command()
def assign(
    demand_id: str,
    department: Annotated[str, typer.Option("--department", help="The source department's id")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Pass it on to a department."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/demands/{demand_id}/assign", {"department_id": department}), as_json)


@app.command()
def handle(
    demand_id: str, reply: Annotated[str, typer.Option("--reply", help="What the department says to the bureau")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Reply to the bureau, as the department that has it."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/demands/{demand_id}/handle", {"reply": reply}), as_json)


@app.command("return")
def send_back(
    demand_id: str, reason: Annotated[str, typer.Option("--reason", help="Why")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Send it back to the bureau: it is another department's."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/demands/{demand_id}/return", {"note": reason}), as_json)


@app.command()
def answer(
    demand_id: str,
    outcome: Annotated[str, typer.Option("--outcome", help="available, apply, planned, not_held or not_open")],
    text: Annotated[str, typer.Option("--text", help="The answer in words")],
    dataset: Annotated[list[str] | None, typer.Option("--dataset", help="A dataset that meets the need")] = None,
    private: Annotated[bool, typer.Option("--private", help="Only whoever asked reads the answer")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Answer it."""
    body = {"outcome": outcome, "answer": text, "dataset_ids": dataset or [], "is_public": not private}
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/demands/{demand_id}/answer", body), as_json)


@app.command()
def dismiss(
    demand_id: str, reason: Annotated[str, typer.Option("--reason", help="Why")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Dismiss it; it is never shown."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/demands/{demand_id}/dismiss", {"note": reason}), as_json)
