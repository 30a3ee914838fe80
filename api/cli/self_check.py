"""`datagrant self-check`: each point of the platform's or an enterprise's self-check, and handing it in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, language, show
from api.listing import Limit, Offset
from core.text import Text

app = typer.Typer(help="Self-checks: show, keep, list, kept.", no_args_is_help=True)
Subject = Annotated[str, typer.Argument(help="`platform` or an organisation's id; empty: your own")]
KEY, POINT, OUTCOME = Text("编号", "Key"), Text("自查项", "Point"), Text("结果", "Outcome")
FOUND, NEXT = Text("记录所示", "What the record says"), Text("下一步", "What to do")
_KEPT = ("id", "subject", "kept_at", "kept_by", "passed", "failed", "not_applicable", "sha256")


def _tell(found: Any, check: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    """Each point in the language of the terminal, its outcome as well; JSON has both languages and the codes."""
    if as_json:
        return show(found, as_json)
    from auth.selfcheck.rules import OUTCOME_NAMES, Outcome

    spoken = language()
    names = {"key": KEY, "name": POINT, "outcome": OUTCOME, "found": FOUND, "next": NEXT}
    rows = [
        {
            names["key"].in_(spoken): each["key"], names["name"].in_(spoken): each[f"name_{spoken}"],
            names["outcome"].in_(spoken): OUTCOME_NAMES[Outcome(each["outcome"])].in_(spoken),
            names["found"].in_(spoken): each[f"found_{spoken}"], names["next"].in_(spoken): each[f"next_{spoken}"],
        }
        for each in check["points"]
    ]  # fmt: skip
    return show({"items": rows}, as_json, tuple(each.in_(spoken) for each in names.values()))


@app.command("show")
def show_now(
    subject: Subject = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Each point as the record stands now; exit code 1 when one fails."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/self-checks/now", **({"subject": subject} if subject else {}))
        _tell(found, found, as_json)
    if found["failed"]:
        raise typer.Exit(1)


@app.command()
def keep(
    subject: Subject = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Hand it in as it stands now."""
    with connect(data_dir, server, token, user) as api:
        found = api.post(f"/self-checks/now?subject={subject}" if subject else "/self-checks/now", {})
        show(found if as_json else {name: found[name] for name in _KEPT}, as_json)


@app.command("list")
def list_kept(
    subject: Subject = "",
    limit: Limit = 200, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Those that were handed in, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/self-checks", **({"subject": subject} if subject else {}), limit=limit, offset=offset),
            as_json,
            _KEPT,
        )


@app.command("kept")
def show_kept(
    self_check_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One that was handed in, as it stood."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/self-checks/kept/{self_check_id}")
        _tell(found, found["check"], as_json)
