"""`datagrant review`: certification campaigns, evaluations of grants, pilots."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Reviews of grants: campaigns, campaign, open, close, list, show, answer, return, confirm, revoke, evaluate, pilot.", no_args_is_help=True
)  # fmt: skip
COLUMNS = ("id", "kind", "grant_id", "state", "due_on", "is_overdue", "is_pilot")
CAMPAIGN = ("id", "period", "state", "due_on", "progress")
Why = Annotated[str, typer.Option("--reason", help="Why")]


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


@app.command()
def campaigns(
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Certification campaigns with how far they are."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/campaigns", limit=limit, offset=offset), as_json, CAMPAIGN)


@app.command("open")
def open_campaign(
    period: Annotated[str, typer.Option("--period", help="As 2026H1; the present half year without")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask every department about each of its live grants."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/campaigns", {"period": period}), as_json)


@app.command()
def close(
    campaign_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End a campaign, once every grant has its answer."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/campaigns/{campaign_id}/close", {}), as_json)


@app.command("list")
def list_reviews(
    kind: Annotated[str, typer.Option("--kind", help="certification or evaluation")] = "",
    state: Annotated[str, typer.Option("--state", help="OPEN, KEPT, TO_NARROW, TO_WITHDRAW, NARROWING, WITHDRAWN or SETTLED")] = "",
    campaign: Annotated[str, typer.Option("--campaign", help="Of this campaign")] = "",
    grant: Annotated[str, typer.Option("--grant", help="Of this grant")] = "",
    overdue: Annotated[bool, typer.Option("--overdue", help="Those that are late")] = False,
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Looks at grants in your sight, those due first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/reviews", kind=kind or None, state=state or None, campaign_id=campaign, grant_id=grant, overdue=overdue or None, limit=limit, offset=offset
        )  # fmt: skip
        show(found, as_json, COLUMNS)


@app.command("show")
def show_review(
    review_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One look at a grant, with what is known of its use."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/reviews/{review_id}"), as_json)


@app.command()
def answer(
    review_id: str,
    outcome: Annotated[str, typer.Option("--outcome", help="keep, narrow or withdraw")],
    reason: Why,
    column: Annotated[list[str] | None, typer.Option("--column", help="A column that is to go")] = None,
    value: Annotated[str, typer.Option("--value", help="An evaluation: the value")] = "",
    complaints: Annotated[str, typer.Option("--complaints", help="An evaluation: complaints")] = "",
    quality: Annotated[str, typer.Option("--quality", help="An evaluation: the data's quality")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say what shall become of the grant."""
    body = {
        "outcome": outcome, "note": reason, "columns": column or [], "value": value, "complaints": complaints, "quality": quality,
    }  # fmt: skip
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/reviews/{review_id}/answer", body), as_json)


@app.command("return")
def send_back(
    review_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Send the answer back."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/reviews/{review_id}/return", {"note": reason}), as_json)


@app.command()
def confirm(
    review_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Confirm a narrowing; the holder amends in time or use stops."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/reviews/{review_id}/confirm", {}), as_json)


@app.command()
def revoke(
    review_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Confirm a withdrawal; the grant is revoked now."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/reviews/{review_id}/revoke", {"note": reason}), as_json)


@app.command()
def evaluate(
    grant_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Open an evaluation of a grant."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.post(f"/evaluations/{grant_id}"), as_json)


@app.command()
def pilot(
    grant_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say that a grant is a pilot."""
    with connect(data_dir, server, token, user) as api:
        api.post(f"/pilots/{grant_id}", {"reason": reason})
        show({"grant_id": grant_id, "is_pilot": True}, as_json)


@app.command()
def campaign(
    campaign_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One campaign with how far it is."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/campaigns/{campaign_id}"), as_json)
