"""`datagrant scoring`: weights and grades of the quality score, their versions, and what a change would regrade."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, language, read_json, show

app = typer.Typer(
    help="Weights and grades of the quality score: show, versions, dry-run, propose, confirm, reject.",
    no_args_is_help=True,
)
COLUMNS = ("id", "number", "standing", "effective_from", "reason")
Which = Annotated[Path, typer.Argument(help="The scheme as JSON, as `show --json` writes it under `scheme`")]
Why = Annotated[str, typer.Option("--reason", help="Why")]


def _scheme(file: Path) -> Any:  # noqa: ANN401 - JSON
    found = read_json(file)
    return found["scheme"] if isinstance(found, dict) and "scheme" in found else found


def _said(row: dict[str, Any]) -> dict[str, Any]:
    """A version's columns, how it stands in words."""
    from auth.profile.standing import Standing, words

    stands = words(Standing(row["standing"]), date.fromisoformat(row["effective_from"]))
    return {name: row[name] for name in COLUMNS} | {"standing": stands.in_(language())}


@app.command("show")
def show_scoring(
    scheme_id: Annotated[str, typer.Argument(help="A version; without it, what is in force")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The weights and grades in force, or one version; number 0 is what comes with the program."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/scoring/versions/{scheme_id}") if scheme_id else api.get("/scoring")
        show(found if as_json else {"number": found["number"], **found["scheme"]}, as_json)


@app.command()
def versions(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Every version that was proposed."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/scoring/versions")
        if not as_json:
            found["items"] = [_said(row) for row in found["items"]]
        show(found, as_json, COLUMNS)


@app.command("dry-run")
def dry_run(
    file: Which,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Which published releases a scheme would grade otherwise; nothing is changed."""
    with connect(data_dir, server, token, user) as api:
        found = api.post("/scoring/dry-run", _scheme(file))
        show(found, as_json, ("dataset_id", "number", "score", "grade", "score_then", "grade_then"))


@app.command()
def propose(
    file: Which, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Propose a version; a second person confirms it."""
    with connect(data_dir, server, token, user) as api:
        made = api.post("/scoring/versions", {"scheme": _scheme(file), "reason": reason})
        show(made if as_json else _said(made), as_json)


@app.command()
def confirm(
    scheme_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put a version in force, as another person than the one who proposed it."""
    with connect(data_dir, server, token, user) as api:
        made = api.step(f"/scoring/versions/{scheme_id}/confirm", {})
        show(made if as_json else _said(made), as_json)


@app.command()
def reject(
    scheme_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Do not take a version."""
    with connect(data_dir, server, token, user) as api:
        made = api.step(f"/scoring/versions/{scheme_id}/reject", {"note": reason})
        show(made if as_json else _said(made), as_json)
