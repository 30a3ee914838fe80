"""`datagrant profile`: the policy profile in force, its versions, and what a change would break."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Server, Token, connect, language, show
from core.text import Text

app = typer.Typer(
    help="Policy profile: show, shipped, versions, dry-run, propose, confirm, reject.", no_args_is_help=True
)
COLUMNS = ("id", "number", "key", "standing", "effective_from", "reason")
Which = Annotated[str, typer.Argument(help="A file with the profile as JSON, or the key of a shipped one")]
Why = Annotated[str, typer.Option("--reason", help="Why")]


def _whole(api: Api, which: str) -> Any:  # noqa: ANN401 - JSON
    if Path(which).is_file():
        return json.loads(Path(which).read_text(encoding="utf-8"))
    found = [each for each in api.get("/profile/shipped")["items"] if each["key"] == which]
    if not found:
        raise typer.BadParameter(f"{which} is neither a file nor a shipped profile")
    return found[0]


def _said(row: dict[str, Any]) -> dict[str, Any]:
    """A version's columns, how it stands in words: what is confirmed for a later day apart from what is in force."""
    from auth.profile.standing import Standing, words

    stands = words(Standing(row["standing"]), date.fromisoformat(row["effective_from"]))
    return {name: row[name] for name in COLUMNS} | {"standing": stands.in_(language())}


def _show_one(row: dict[str, Any], as_json: bool) -> None:
    """One version, and what will replace it."""
    show(row if as_json else _said(row), as_json)
    if not as_json and (after := row["followed_by"]):
        zh = f"第 {after['number']} 版已确认，自 {after['effective_from']} 起取代本版。"
        en = f"Version {after['number']}, confirmed for {after['effective_from']}, follows and will replace this one."
        print(Text(zh, en).in_(language()))


_CLOCKS = {
    "escalations": Text("将上报的超期环节", "Overdue clocks that would be told to a level"),
    "extensions": Text(
        "超过上限、无法准予的待审批延期", "Waiting extensions that are too long to be granted"
    ),
    "reminders": Text("将发出的提醒", "Reminders that would go out"),
}


def _print_clocks(found: dict[str, Any]) -> None:
    """What becomes of clocks and reminders; nothing where they stay as they are."""
    spoken = language()
    if found["running"] is not None:
        print(
            Text(
                f"在办申请 {found['running']} 件，期限均不变动",
                f"Running applications: {found['running']}; none of their due days moves",
            ).in_(spoken)
        )
    for key, name in _CLOCKS.items():
        if pair := found[key]:
            print(f"{name.in_(spoken)}: {pair['now']} → {pair['then']}")


@app.command("show")
def show_profile(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The profile in force."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/profile"), as_json)


@app.command()
def shipped(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The profiles that come with the program."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get("/profile/shipped"), as_json, ("key", "zh", "en", "effective_from", "agreement", "source")
        )


@app.command()
def versions(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Every version that was proposed."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/profile/versions")
        if not as_json:
            found["items"] = [_said(row) for row in found["items"]]
        show(found, as_json, COLUMNS)


@app.command("dry-run")
def dry_run(
    profile: Which,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Which live grants a profile would not allow, with every reason; nothing is changed."""
    with connect(data_dir, server, token, user) as api:
        found = api.post("/profile/dry-run", _whole(api, profile))
        if not as_json:
            for each in found["items"]:
                each["reasons"] = "; ".join(reason["text"] for reason in each["reasons"])
        show(found, as_json, ("grant_id", "org_id", "dataset_id", "stopped", "reasons"))
        if not as_json and found["people_stopped"]:
            print(
                f"无担保而不能再使用授权的人数 people stopped for want of a vouching: {found['people_stopped']}"
            )
        if not as_json:
            _print_clocks(found["clocks"])
        if not as_json and found["self_checks"]:
            from auth.selfcheck.rules import OUTCOME_NAMES, Outcome

            spoken = language()
            print(
                Text("结果将改变的自查项", "Points of self-checks that would turn out otherwise").in_(spoken)
            )
            for each in found["self_checks"]:
                before, after = (
                    OUTCOME_NAMES[Outcome(each[name])].in_(spoken) for name in ("before", "after")
                )
                print(f"  {each[f'subject_{spoken}']} · {each[f'name_{spoken}']}: {before} → {after}")


@app.command()
def propose(
    profile: Which, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Propose a version; a second person confirms it."""
    with connect(data_dir, server, token, user) as api:
        made = api.post("/profile/versions", {"profile": _whole(api, profile), "reason": reason})
        _show_one(made, as_json)


@app.command()
def confirm(
    version_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Put a version in force, as another person than the one who proposed it."""
    with connect(data_dir, server, token, user) as api:
        made = api.step(f"/profile/versions/{version_id}/confirm", {})
        _show_one(made, as_json)


@app.command()
def reject(
    version_id: str, reason: Why,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Do not take a version."""
    with connect(data_dir, server, token, user) as api:
        made = api.step(f"/profile/versions/{version_id}/reject", {"note": reason})
        _show_one(made, as_json)
