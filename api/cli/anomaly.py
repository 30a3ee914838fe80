"""`datagrant anomaly`: what the rules found, answers to it, and how the rules are set."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(help="Anomalies: list, show, acknowledge, dismiss, rules, set-rule.", no_args_is_help=True)
COLUMNS = ("id", "rule", "text_en", "grant_id", "action", "state", "created_at")
RULES = ("rule", "action", "numbers", "source", "set_by")
Why = Annotated[str, typer.Option("--reason", help="Why, in words")]


@app.command("list")
def list_anomalies(
    state: Annotated[str, typer.Option("--state", help="OPEN, ACKNOWLEDGED or FALSE_ALARM")] = "",
    rule: Annotated[str, typer.Option("--rule", help="Only this rule: volume, denied_burst, …")] = "",
    grant: Annotated[str, typer.Option("--grant", help="Only this grant")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What was found, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/anomalies",
            state=state or None,
            rule=rule or None,
            grant_id=grant or None,
            limit=limit,
            offset=offset,
        )
        show(found, as_json, COLUMNS)


@app.command("show")
def show_anomaly(
    anomaly_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One finding."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/anomalies/{anomaly_id}"), as_json)


@app.command()
def acknowledge(
    anomaly_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """It was an anomaly: say what was done."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/anomalies/{anomaly_id}/acknowledge", {"note": reason}), as_json)


@app.command()
def dismiss(
    anomaly_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A false alarm: say why."""
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/anomalies/{anomaly_id}/dismiss", {"note": reason}), as_json)


@app.command()
def rules(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Every rule with its numbers and their source."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/anomaly-rules")
        show(found if as_json else {"items": found}, as_json, RULES)


@app.command("set-rule")
def set_rule(
    rule: str, reason: Why,
    action: Annotated[str, typer.Option("--action", help="off, alert, throttle or suspend")],
    number: Annotated[list[str] | None, typer.Option("--number", help="NAME=VALUE, more than once")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Set a rule from now on."""
    numbers = {name: value for name, _, value in (each.partition("=") for each in number or [])}
    with connect(data_dir, server, token, user) as api:
        body = {"action": action, "numbers": numbers, "reason": reason}
        show(api.put(f"/anomaly-rules/{rule}", body), as_json)
