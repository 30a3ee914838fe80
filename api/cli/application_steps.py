"""More of `datagrant application`: signing with others, answering an offer; and what all its commands share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, Api, As, DataDir, Json, Server, Token, connect, language, on_record, show
from api.listing import Limit, Offset
from core.text import Text

more = typer.Typer()
COLUMNS = ("id", "org_id", "state", "scenario_id", "datasets", "due_on", "working_days_left", "next_en")
Note = Annotated[
    str, typer.Option("--note", help="What the others should know; due for returning and refusing")
]
Conflict = Annotated[
    bool, typer.Option("--conflict", help="Declare a conflict of interest (the step is refused)")
]


def json_of(file: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        print(f"{file}: {fault}", file=sys.stderr)
        raise typer.Exit(1) from None


def step(api: Api, application_id: str, name: str, **body: object) -> Any:  # noqa: ANN401 - JSON
    """Take a step on the version that is there now."""
    return api.step(f"/applications/{application_id}/{name}", body)


def tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    """The application after a step, and the events that stand on record of it: `audit proof EVENT` proves each."""
    told = {"audit_event": on_record()}
    show(found | told if as_json else {name: found[name] for name in (*COLUMNS, "grants")} | told, as_json)


@more.command()
def receipts(
    application_id: str, limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Events of an application that you may prove, newest first: `audit proof EVENT > proof.json`, then `audit verify proof.json`."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/applications/{application_id}/receipts", limit=limit, offset=offset)
        show(found, as_json, ("event_id", "leaf_index", "at", "name_zh", "name_en", "is_mine", "is_signed"))


@more.command()
def concur(
    application_id: str, note: Note = "", conflict: Conflict = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Sign the decision that another approver proposed."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "concur", note=note, has_no_conflict=not conflict), as_json)


@more.command()
def dissent(
    application_id: str, note: Note = "", conflict: Conflict = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Object to the decision that another approver proposed."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "dissent", note=note, has_no_conflict=not conflict), as_json)


@more.command()
def counter(
    application_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Answer the terms on offer with what should change; the approver decides again."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "counter", note=note), as_json)


@more.command()
def copy(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A new draft with the content of an application."""
    with connect(data_dir, server, token, user) as api:
        tell(api.post(f"/applications/{application_id}/copy"), as_json)


@more.command()
def assist(
    org: Annotated[str, typer.Argument(help="The enterprise's id")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The request as JSON, as for `create`")],
    asked_by: Annotated[str, typer.Option("--asked-by", help="Who of the enterprise asked for it")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """As a station clerk: draft for an enterprise, whose applicant then confirms it."""
    body = json_of(file) | {"org_id": org, "assisted_for": asked_by}
    with connect(data_dir, server, token, user) as api:
        tell(api.post("/applications/assisted", body), as_json)


@more.command()
def confirm(
    application_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Stand behind a clerk's draft as it is now, so that it may be submitted."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "confirm", note=note), as_json)


@more.command("acceptable")
def acceptable(
    limit: Limit = 200, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What waits for you to be accepted, the most urgent first, with what stands against each."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/screenings", limit=limit, offset=offset)
        if not as_json:
            for each in found["items"]:
                _in_words(each)
        show(found, as_json, ("id", "org_id", "scenario_id", "datasets", "due_on", "later", "reasons"))


def _in_words(found: dict[str, Any]) -> dict[str, Any]:
    """What stands against it and which papers may follow until when, in the language of the terminal."""
    spoken = language()
    between = "；" if spoken == "zh" else "; "
    found["reasons"] = between.join(each[spoken] for each in found["reasons"])
    found["later"] = between.join(f"{each[f'title_{spoken}']} ({each['due_on']})" for each in found["later"])
    return found


@more.command("accept-many")
def accept_many(
    application_ids: Annotated[list[str] | None, typer.Argument(help="Applications to accept for review")] = None,
    every: Annotated[bool, typer.Option("--every", help="Every one against which nothing stands and no paper lacks (see `acceptable`)")] = False,
    later: Annotated[bool, typer.Option("--with-later-papers", help="Also those with papers that may follow, on the days shown")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Accept without being asked; due with --json")] = False,
    note: Note = "", conflict: Conflict = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Accept several for review, each by itself, after a look at each; exit code 1 when one of them was not accepted."""
    if as_json and not yes:
        raise typer.BadParameter("--json 须与 --yes 一起使用 / --json goes with --yes", param_hint="--yes")
    with connect(data_dir, server, token, user) as api:
        wanted = application_ids or []
        if every:
            waiting = api.get("/screenings", limit=200)["items"]
            wanted = [each["id"] for each in waiting if not each["reasons"] and (later or not each["later"])][
                :50
            ]
        seen = {
            each["id"]: each for each in api.post("/screenings/look", {"application_ids": wanted})["items"]
        }
        if not yes:
            show(
                {"items": [_in_words(dict(each)) for each in seen.values()]},
                False,
                ("id", "org_id", "datasets", "later", "reasons"),
            )
            question = Text(
                f"受理以上 {len(seen)} 件（不能撤销，误受理的只能退回申请人）？",
                f"Accept these {len(seen)}? It is not taken back; one by mistake can only be returned to its applicant.",
            )
            typer.confirm(question.in_(language()), abort=True)
        items = [
            {
                "application_id": name, "version": seen[name]["version"] if name in seen else 1,
                "missing": [
                    {"paper": paper["paper"], "working_days": paper["working_days"]}
                    for paper in (seen[name]["later"] if later and name in seen else [])
                ],
            }
            for name in wanted
        ]  # fmt: skip
        body = {"items": items, "note": note, "has_no_conflict": not conflict}
        found = api.post("/screenings/accept", body)
        show(
            found if as_json else {"items": found["items"]},
            as_json,
            ("application_id", "outcome", "detail_en"),
        )
        if found["refused"]:
            raise typer.Exit(1)


@more.command()
def letter(
    application_id: str,
    out: Annotated[Path | None, typer.Option("--out", help="Where the PDF goes; empty: show the letter")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The decision letter: outcome, reasons, legal basis, conditions, remedies."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/applications/{application_id}/letter")
        if out is not None:
            api.download(f"/applications/{application_id}/letter.pdf", out)
            show({"out": str(out), "number": found["letter"]["number"], "sha256": found["sha256"]}, as_json)
        elif as_json:
            show(found, True)
        else:
            said = {
                "number",
                "outcome",
                "decided_on",
                "lines",
                "principles",
                "basis",
                "conditions",
                "remedies",
            }
            show({key: value for key, value in found["letter"].items() if key in said}, False)


@more.command()
def comments(
    application_id: str,
    limit: Limit = 200, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What was said about an application, oldest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/applications/{application_id}/comments", limit=limit, offset=offset)
        show(found, as_json, ("id", "at", "audience", "author", "asked", "body", "hidden_reason"))


@more.command()
def comment(
    application_id: str,
    text: Annotated[str, typer.Option("--text", help="What is said")],
    internal: Annotated[bool, typer.Option("--internal", help="A remark that the bureau alone reads")] = False,
    ask: Annotated[str, typer.Option("--ask", help="With --internal: the user name of a colleague whose opinion is sought")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Say something to the other side, or (--internal) among the bureau."""
    body = {"audience": "internal" if internal else "public", "body": text, "ask": ask}
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/applications/{application_id}/comments", body), as_json)


@more.command("hide-comment")
def hide_comment(
    application_id: str, comment_id: str,
    reason: Annotated[str, typer.Option("--reason", help="Stays in its place")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take a comment from sight; the record keeps it."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.post(f"/applications/{application_id}/comments/{comment_id}/hide", {"reason": reason}),
            as_json,
        )


@more.command()
def handlers(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Who handles an application for each department, and who could."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/applications/{application_id}/handlers"), as_json)


@more.command()
def invitations(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Further reviewers who were invited to vote in the present turn."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/applications/{application_id}/invitations"), as_json)


@more.command()
def invitable(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Who could be invited to vote now, by stage and name."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/applications/{application_id}/invitations/able"), as_json)


@more.command()
def invite(
    application_id: str, username: str, note: Note = "",
    stage: Annotated[str, typer.Option("--stage", help="Which open stage, where there are several")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Invite a further reviewer to vote, because those whose stage it is are absent or may not; the note says why."""
    body = {"username": username, "stage": stage, "note": note}
    with connect(data_dir, server, token, user) as api:
        show(api.step(f"/applications/{application_id}/invitations", body), as_json)


@more.command("take-back-invitation")
def take_back_invitation(
    application_id: str, invitation_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take an invitation back; a vote that was cast stays."""
    with connect(data_dir, server, token, user) as api:
        show(api.delete(f"/applications/{application_id}/invitations/{invitation_id}"), as_json)


@more.command("co-applicants")
def co_applicants(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Who of the organisation may fill an application in besides its applicants."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/applications/{application_id}/co-applicants"), as_json)


@more.command("name-co-applicant")
def name_co_applicant(
    application_id: str, username: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """As an applicant: let somebody of your organisation fill it in too; handing in stays with applicants."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/applications/{application_id}/co-applicants", {"username": username}), as_json)


@more.command("take-off-co-applicant")
def take_off_co_applicant(
    application_id: str, username: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take a co-applicant off it, or yourself."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/applications/{application_id}/co-applicants")
        entry = next((each["id"] for each in found if each["username"] == username), username)
        show(api.delete(f"/applications/{application_id}/co-applicants/{entry}"), as_json)


@more.command()
def assign(
    application_id: str, department: str,
    to: Annotated[str, typer.Option("--to", help="User name; empty: nobody by name")] = "", note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Name who handles an application for a department, or another instead."""
    body = {"department_id": department, "username": to, "note": note}
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/applications/{application_id}/handlers", body), as_json)
