"""`explain` and `simulate`, once for a grant and once for a line of an application."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show

of_grants = typer.Typer()
of_applications = typer.Typer()
Line = Annotated[
    str, typer.Option("--line", help="Which line, when there are several (ids: `application show`)")
]
Draft = Annotated[Path | None, typer.Option("--narrowing", help="A narrowing as JSON, as a decision carries it", exists=True)]  # fmt: skip
Person = Annotated[str, typer.Option("--person", help="User name; left out: nobody in particular")]
Purpose = Annotated[str, typer.Option("--purpose", help="Code; left out: the policy's first")]
Form = Annotated[str, typer.Option("--form", help="Delivery form; left out: the policy's first")]
Columns = Annotated[list[str] | None, typer.Option("--column", help="Repeat; left out: all that may leave")]
At = Annotated[str, typer.Option("--at", help="Moment with zone (2026-03-02T09:00:00+08:00); left out: now")]


def _asked(person: str, purpose: str, form: str, columns: list[str] | None, at: str) -> dict[str, Any]:
    said = {"person": person, "purpose": purpose, "form": form, "columns": columns, "at": at}
    return {name: value for name, value in said.items() if value}


def _draft(narrowing: Path | None) -> dict[str, Any]:
    return {} if narrowing is None else {"narrowing": json.loads(narrowing.read_text(encoding="utf-8"))}


def _tell_rules(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    if as_json:
        return show(found, True)
    show({name: found[name] for name in ("permitted", "at", "person", "purpose", "form", "columns")}, False)
    lines = [
        {
            "rule": each["rule"],
            "says": "nothing against" if each["permits"] else "against",
            "codes": ", ".join(reason["code"] for reason in each["reasons"]),
            "source": each["source"],
        }
        for each in found["rules"]
    ]
    return show({"items": lines}, False, ("rule", "says", "codes", "source"))


def _tell_trial(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    if as_json:
        return show(found, True)
    rows = {which: found[which] and (found[which]["rows"], found[which]["fewer_than"]) for which in ("draft", "asked", "current")}  # fmt: skip
    show(
        {
            "dataset": found["dataset_id"],
            "release": found["release_number"],
            "rows_in_release": found["rows_in_release"],
            **{
                f"rows_{which}": "—" if said is None else said[0] if said[0] is not None else f"< {said[1]}"
                for which, said in rows.items()
            },
            "against": ", ".join(reason["code"] for reason in found["against"]) or "—",
        },
        False,
    )
    return show({"items": found["columns"]}, False, ("name", "draft", "asked", "current"))


def _line_of(api: Any, application_id: str, line: str) -> str:  # noqa: ANN401 - the client
    if line:
        return line
    lines = api.get(f"/applications/{application_id}")["lines"]
    if len(lines) != 1:
        raise typer.BadParameter(f"name one with --line: {', '.join(each['id'] for each in lines)}")
    return str(lines[0]["id"])


@of_grants.command("explain")
def explain_grant(
    grant_id: str, person: Person = "", purpose: Purpose = "", form: Form = "", column: Columns = None, at: At = "", narrowing: Draft = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Allowed or refused under the grant, rule by rule."""
    with connect(data_dir, server, token, user) as api:
        body = _asked(person, purpose, form, column, at) | _draft(narrowing)
        _tell_rules(api.post(f"/grants/{grant_id}/explain", body), as_json)


@of_grants.command("simulate")
def simulate_grant(
    grant_id: str, narrowing: Draft = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Rows and columns that the grant shows, or would show under a narrowing."""
    with connect(data_dir, server, token, user) as api:
        _tell_trial(api.post(f"/grants/{grant_id}/simulate", _draft(narrowing)), as_json)


@of_applications.command("explain")
def explain_line(
    application_id: str, line: Line = "", person: Person = "", purpose: Purpose = "", form: Form = "", column: Columns = None, at: At = "", narrowing: Draft = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Allowed or refused if the line were a grant in force, rule by rule."""
    with connect(data_dir, server, token, user) as api:
        body = {"line_id": _line_of(api, application_id, line)} | _draft(narrowing)
        answer = api.post(
            f"/applications/{application_id}/explain", body | _asked(person, purpose, form, column, at)
        )
        _tell_rules(answer, as_json)


@of_applications.command("precedents")
def show_precedents(
    application_id: str, line: Line = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """How lines on the same dataset or scenario were decided before."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            f"/applications/{application_id}/precedents", line_id=_line_of(api, application_id, line)
        )
        show(
            found,
            as_json,
            (
                "decided_at",
                "application_id",
                "org_id",
                "dataset_id",
                "scenario_id",
                "outcome",
                "reason_code",
                "note",
            ),
        )


@of_applications.command("simulate")
def simulate_line(
    application_id: str, line: Line = "", narrowing: Draft = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Rows and columns that the line would show, beside what was asked and what counts already."""
    with connect(data_dir, server, token, user) as api:
        body = {"line_id": _line_of(api, application_id, line)} | _draft(narrowing)
        _tell_trial(api.post(f"/applications/{application_id}/simulate", body), as_json)
