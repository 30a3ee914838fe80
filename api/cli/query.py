"""`datagrant query`: statistics about rows that may not leave."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Statistics under a grant: plan, ask, private, list, show, verify, terms, set-terms, budget, set-budget.",
    no_args_is_help=True,
)

Body = Annotated[
    str,
    typer.Option(
        "--query",
        help='JSON, e.g. {"select":[{"kind":"count"}],"group_by":[{"column":"district"}],"where":null}',
    ),
]
Purpose = Annotated[str, typer.Option("--purpose", help="Purpose code of the grant")]
_COLUMNS = ("id", "dataset_id", "release_number", "state", "measures", "groups", "asked_name", "asked_at")


def _json(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as fault:
        raise typer.BadParameter(f"{what} is not JSON: {fault}") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{what} must be a JSON object")
    return found


def asked(api: Any, grant_id: str, purpose: str, query: str) -> dict[str, Any]:  # noqa: ANN401 - the client
    grant = api.get(f"/grants/{grant_id}")
    own = {"grant_id": grant_id, "dataset_id": grant["dataset_id"], "purpose": purpose}
    return own | {"scenario_id": grant["policy"]["scenario_id"]} | _json(query, "--query")


@app.command("plan")
def plan(
    grant_id: str, query: Body, purpose: Purpose, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "",
    user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Whether the query may be asked and what it takes; exit code 1 with every reason. Reads no row, takes nothing."""
    with connect(data_dir, server, token, user) as api:
        found = api.post("/queries/plan", asked(api, grant_id, purpose, query))
        show(found, as_json)
        if not found["permitted"]:
            raise typer.Exit(1)


@app.command("ask")
def ask(
    grant_id: str, query: Body, purpose: Purpose, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "",
    user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask. Exit code 1 when it is refused; the one reason `suppressed` stands for all of disclosure control."""
    with connect(data_dir, server, token, user) as api:
        show(api.post("/queries", asked(api, grant_id, purpose, query)), as_json)


@app.command("list")
def list_queries(
    limit: Limit = 50, offset: Offset = 0,
    state: str = "", grant: str = "", dataset: str = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "",
    token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Questions and whether they were answered, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/queries",
            state=state or None,
            grant_id=grant or None,
            dataset_id=dataset or None,
            limit=limit,
            offset=offset,
        )
        show(found, as_json, _COLUMNS)


@app.command("show")
def show_query(
    answer_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """One question with its answer."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/queries/{answer_id}"), as_json)


@app.command("terms")
def terms(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """What counts as a contributor of the dataset."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/queries/terms/{dataset_id}"), as_json)


@app.command("set-terms")
def set_terms(
    dataset_id: str, body: Annotated[str, typer.Option("--terms", help='JSON, e.g. {"contributor":"plate","reason":"…"}')],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Set the terms for queries of a dataset of your department; every version is kept."""
    with connect(data_dir, server, token, user) as api:
        show(api.put(f"/queries/terms/{dataset_id}", _json(body, "--terms")), as_json)


Epsilon = Annotated[
    float, typer.Option("--epsilon", min=0.000001, help="How much the answer may tell, e.g. 0.5")
]


@app.command("private")
def private(
    grant_id: str,
    query: Annotated[str, typer.Option("--query", help='JSON, e.g. {"measure":{"kind":"histogram","column":"lot"},"where":null}')],
    purpose: Purpose, epsilon: Epsilon,
    plan_only: Annotated[bool, typer.Option("--plan", help="Only say what it would take")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask for an answer with differential privacy. Budget that is taken is never given back; the same question again is free."""
    with connect(data_dir, server, token, user) as api:
        body = asked(api, grant_id, purpose, query) | {"epsilon_micro": round(epsilon * 1_000_000)}
        found = api.post("/queries/private/plan" if plan_only else "/queries/private", body)
        show(found, as_json)
        if plan_only and not found["permitted"]:
            raise typer.Exit(1)


@app.command("budget")
def budget(
    dataset_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """What is left of a dataset's privacy budget this year, in millionths of epsilon."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/queries/budget/{dataset_id}"), as_json)


@app.command("set-budget")
def set_budget(
    dataset_id: str,
    body: Annotated[str, typer.Option("--caps", help='JSON, e.g. {"dataset_micro":4000000,"org_micro":2000000,"grant_micro":1000000,"user_micro":1000000,"reason":"…"}')],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Cap the privacy budget of a dataset, as its approver; every version is kept."""
    with connect(data_dir, server, token, user) as api:
        show(api.put(f"/queries/budget/{dataset_id}", _json(body, "--caps")), as_json)


@app.command("verify")
def verify(
    grant_id: str,
    key: Annotated[str, typer.Option("--key", help='JSON, e.g. {"plate":"粤B12345"}')],
    consent: Annotated[str, typer.Option("--consent", help='JSON: {"reference":"…","given_on":"2026-01-01","until":"2026-06-30"}')],
    purpose: Purpose,
    claim: Annotated[str, typer.Option("--claim", help='JSON, e.g. {"op":"ge","column":"day","value":3}; none asks whether it exists')] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Yes or no about one record, with the consent of whom it is about."""
    body = {
        "key": _json(key, "--key"),
        "consent": _json(consent, "--consent"),
        "claim": _json(claim, "--claim") if claim else None,
    }
    with connect(data_dir, server, token, user) as api:
        show(api.post("/verifications", asked(api, grant_id, purpose, "{}") | body), as_json)


@app.command("verifications")
def verifications(
    limit: Limit = 50, offset: Offset = 0,
    grant: str = "", data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """What was verified, newest first; subjects under pseudonyms."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/verifications", grant_id=grant or None, limit=limit, offset=offset)
        show(
            found,
            as_json,
            ("id", "dataset_id", "subject", "claim", "verified", "consent_reference", "asked_at"),
        )


@app.command("preview")
def preview(
    dataset_id: str, grant: Annotated[str, typer.Option("--grant", help="Masked rows under this grant; takes one extract of its quota")] = "",
    purpose: Annotated[str, typer.Option("--purpose", help="Which of the grant's purposes, where it has several")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Synthetic rows that look like the dataset's current release; with --grant a few real ones, masked as the grant says."""
    with connect(data_dir, server, token, user) as api:
        if not grant:
            show(api.get(f"/previews/{dataset_id}"), as_json)
            return
        of = api.get(f"/grants/{grant}")["dataset_id"]
        if of != dataset_id:
            raise typer.BadParameter(f"the grant is for {of}, not {dataset_id}")
        show(api.post("/previews", {"grant_id": grant, "purpose": purpose}), as_json)
