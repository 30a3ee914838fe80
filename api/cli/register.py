"""`datagrant register`: the public registers of grants in force, and of agreements in force and ended."""

from __future__ import annotations

from typing import Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, language, show
from api.listing import Limit, Offset

app = typer.Typer(help="Who is authorised for what, until when. `register agreements`: who operates what.")
COLUMNS = (
    "org_zh", "dataset_id", "title_zh", "scenario_id", "starts_at", "ends_at", "agreements", "is_suspended",
)  # fmt: skip
AGREEMENTS = (
    "agreement_id", "title", "implementing_body_zh", "org_zh", "mode_zh", "scenarios", "purposes", "starts_on", "ends_on", "state_zh", "ended_on",
)  # fmt: skip


@app.callback(invoke_without_command=True)
def grants(
    asked: typer.Context,
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    org: Annotated[str, typer.Option("--org", help="Only this organisation")] = "",
    scenario: Annotated[str, typer.Option("--scenario", help="Only this scenario")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Who is authorised for what, until when. `register agreements`: who operates what."""
    if asked.invoked_subcommand:
        sources = [asked.get_parameter_source(name) for name in asked.params]
        if any(source is not None and source.name == "COMMANDLINE" for source in sources):
            raise typer.BadParameter(f"options go after `{asked.invoked_subcommand}`")
        return
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/register", dataset_id=dataset, org_id=org, scenario_id=scenario, limit=limit, offset=offset
        )
        if not as_json:
            for each in found["items"]:
                each["agreements"] = ", ".join(one["title"] for one in each["agreements"])
        show(found, as_json, COLUMNS)


@app.command("agreements")
def agreements(
    state: Annotated[str, typer.Option("--state", help="in_force, ended or terminated")] = "",
    org: Annotated[str, typer.Option("--org", help="Only agreements of this operator")] = "",
    words: Annotated[str, typer.Option("--words", help="Words of the title or the operator's name, or the number")] = "",
    sort: Annotated[str, typer.Option("--sort", help="-starts, starts, ends or -ends")] = "-starts",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Agreements in force and ended, and what may be operated under each."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/register/agreements", state=state or None, org_id=org, q=words, sort=sort, offset=offset, limit=limit
        )  # fmt: skip
        if not as_json:
            spoken = language()
            for each in found["items"]:
                for what in ("scenarios", "purposes"):
                    each[what] = ", ".join(one[spoken] for one in each[what])
        show(found, as_json, AGREEMENTS)
