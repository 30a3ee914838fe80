"""`datagrant application`: apply, screen, review, decide, accept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import explaining, safeguards
from api.cli.application_steps import COLUMNS, Conflict, Note, json_of, more, step, tell
from api.cli.safeguards import Checkers, Epsilon, EpsilonEach, MinGroup, OfDataset, Watermark
from api.client import DEFAULT_DIR, As, DataDir, Json, Otp, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    help="Applications: create, check, submit, screen, review, decide, accept, withdraw, list, show, explain, simulate.",
    no_args_is_help=True,
)
app.add_typer(more)
app.add_typer(explaining.of_applications)
Code = Annotated[str, typer.Option("--code", help="Code of the list of refusals (see `application lists`)")]


@app.command("list")
def list_applications(
    state: Annotated[str, typer.Option("--state", help="DRAFT, SUBMITTED, …")] = "",
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those on which you have the next word")] = False,
    handled: Annotated[bool, typer.Option("--handled", help="Only those that you are named to handle")] = False,
    dataset: Annotated[str, typer.Option("--dataset", help="Only this dataset")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Applications that you may see, newest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(
            "/applications",
            state=state or None,
            waiting=waiting or None,
            handled=handled or None,
            dataset_id=dataset or None,
            limit=limit,
            offset=offset,
        )
        show(found, as_json, COLUMNS)


@app.command("lists")
def code_lists(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Scenarios, purposes, reasons for refusal, limits."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/applications/lists"), as_json)


@app.command("show")
def show_application(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One application."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/applications/{application_id}"), as_json)


@app.command("history")
def show_history(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """All that happened to it, oldest first."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/applications/{application_id}/history")
        show(found, as_json, ("at", "name", "who", "org_id", "note"))


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="JSON: lines, scenario_id, purposes, purpose_text, period, …")],
    min_group: MinGroup = None, checkers: Checkers = None, epsilon: Epsilon = None, epsilon_each: EpsilonEach = None,
    watermark: Watermark = False, safeguards_of: OfDataset = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """A new draft from a JSON file; safeguards may be given by options instead."""
    body = json_of(file)
    given = safeguards.said(min_group, checkers, epsilon, epsilon_each, watermark=watermark)
    safeguards.put_on(body.get("lines", []), given, safeguards_of)
    with connect(data_dir, server, token, user) as api:
        tell(api.post("/applications", body), as_json)


@app.command()
def save(
    application_id: str,
    file: Annotated[Path, typer.Argument(help="The whole request as JSON")],
    min_group: MinGroup = None, checkers: Checkers = None, epsilon: Epsilon = None, epsilon_each: EpsilonEach = None,
    watermark: Watermark = False, safeguards_of: OfDataset = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Replace a draft's content; safeguards may be given by options instead."""
    body = json_of(file)
    given = safeguards.said(min_group, checkers, epsilon, epsilon_each, watermark=watermark)
    safeguards.put_on(body.get("lines", []), given, safeguards_of)
    with connect(data_dir, server, token, user) as api:
        tell(
            api.step(at := f"/applications/{application_id}", body, how="PUT", of=at),
            as_json,
        )


@app.command()
def check(
    application_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """What submitting would meet; exit code 1 when something blocks."""
    with connect(data_dir, server, token, user) as api:
        said = api.get(f"/applications/{application_id}/precheck")
        if as_json:
            show(said, True)
        else:
            show(said["blocking"] + said["advice"], False, ("code", "text", "basis"))
        if not said["may_submit"]:
            raise typer.Exit(1)


@app.command()
def submit(
    application_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Hand a draft in."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "submit", note=note), as_json)


@app.command()
def withdraw(
    application_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Take an application back."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "withdraw", note=note), as_json)


@app.command()
def screen(
    application_id: str,
    outcome: Annotated[str, typer.Argument(help="ok, return or reject")],
    note: Note = "", code: Code = "",
    missing: Annotated[list[str] | None, typer.Option("--missing", help="KEY=WORKING-DAYS of a paper that may follow; may be given again")] = None,
    opinion: Annotated[str, typer.Option("--opinion", help="Key of the template opinion that the note came from")] = "",
    conflict: Conflict = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Accept for review, return for completion, or refuse."""
    named = [
        {"paper": key, "working_days": days}
        for key, _, days in (each.partition("=") for each in missing or ())
    ]
    with connect(data_dir, server, token, user) as api:
        body = {"outcome": outcome, "note": note, "reason_code": code, "missing": named, "opinion": opinion}
        tell(step(api, application_id, "screen", has_no_conflict=not conflict, **body), as_json)


@app.command()
def review(
    application_id: str,
    vote: Annotated[str, typer.Argument(help="approve, narrow or reject: for every line of the stage")],
    note: Note = "",
    stage: Annotated[str, typer.Option("--stage", help="business:DEPARTMENT or security; empty: the first open to you")] = "",
    conflict: Annotated[bool, typer.Option("--conflict", help="Declare a conflict of interest (the vote is refused)")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Vote on every line of a stage."""
    with connect(data_dir, server, token, user) as api:
        found = api.get(f"/applications/{application_id}")
        waiting = [s for s in found["stages"] if not s["is_done"] and s["stage"].startswith(stage)]
        refused: Any = None
        for each in waiting or [{"stage": stage, "line_ids": []}]:
            lines = [{"line_id": line_id, "vote": vote} for line_id in each["line_ids"]]
            body = {"stage": each["stage"], "has_no_conflict": not conflict, "lines": lines, "note": note}
            try:
                tell(step(api, application_id, "review", **body), as_json)
            except Exception as no:
                if not _is_another_stage(no):
                    raise
                refused = no
                continue
            return
        raise refused


@app.command()
def decide(
    application_id: str,
    outcome: Annotated[str, typer.Argument(help="approve or reject every line of your scope; or a JSON file of decisions per line")],
    note: Note = "", code: Code = "", conflict: Conflict = False,
    min_group: MinGroup = None, checkers: Checkers = None, epsilon: Epsilon = None, epsilon_each: EpsilonEach = None,
    watermark: Watermark = False, safeguards_of: OfDataset = "",
    awaits: Annotated[list[str] | None, typer.Option("--awaits", help="A delivery form that cannot be had yet and is granted to wait; may be given again")] = None,
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Decide. A file holds [{"line_id" or "dataset_id", "outcome", "narrowing", "reason_code", "note", "awaits"}].

    With safeguards, `approve` approves under them: stricter than what was asked for.
    """
    stricter = safeguards.said(min_group, checkers, epsilon, epsilon_each, watermark=watermark)
    if stricter and outcome != "approve":
        raise typer.BadParameter(
            "安全约束只能与 approve 一起给出；文件中请写入 narrowing / safeguards go with approve alone; in a file they stand in narrowing"
        )
    if awaits and outcome != "approve":
        raise typer.BadParameter(
            "--awaits 只能与 approve 一起给出；文件中请写入 awaits / --awaits goes with approve alone; in a file it stands as awaits"
        )
    given = None if outcome in ("approve", "reject") else json_of(Path(outcome))
    with connect(data_dir, server, token, user, otp) as api:
        found = api.get(f"/applications/{application_id}")
        ids = {line["dataset_id"]: line["id"] for line in found["lines"]}
        mine = found["lines_for_you"] or list(ids.values())
        lines: list[dict[str, Any]]
        if given is None:
            lines = [
                {
                    "line_id": line_id,
                    "outcome": outcome,
                    "reason_code": code,
                    "note": note,
                    "awaits": awaits or [],
                }
                for line_id in mine
            ]
            if stricter:
                _narrow(lines, found["lines"], stricter, safeguards_of)
        else:
            lines = [_with_line_id(dict(entry), ids) for entry in given]
        tell(
            step(api, application_id, "decide", lines=lines, note=note, has_no_conflict=not conflict), as_json
        )


@app.command("return")
def send_back(
    application_id: str, note: Note = "", conflict: Conflict = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Send an application back during review or decision."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "return", note=note, has_no_conflict=not conflict), as_json)


@app.command()
def accept(
    application_id: str,
    yes: Annotated[bool, typer.Option("--yes", help="Accept without being asked")] = False,
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Read the terms on offer and accept them by their digest."""
    with connect(data_dir, server, token, user, otp) as api:
        terms = api.get(f"/applications/{application_id}/terms")
        if not yes:
            show(terms["document"], False)
            typer.confirm(f"Accept these terms (SHA-256 {terms['hash']})?", abort=True)
        tell(
            api.post(
                f"/applications/{application_id}/accept",
                {"hash": terms["hash"], "version": terms["version"]},
            ),
            as_json,
        )


@app.command()
def decline(
    application_id: str, note: Note = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Turn the terms down."""
    with connect(data_dir, server, token, user) as api:
        tell(step(api, application_id, "decline", note=note), as_json)


def _is_another_stage(refusal: Exception) -> bool:
    problem = getattr(refusal, "problem", {})
    return any(reason["code"] == "no-stage-for-you" for reason in problem.get("reasons", []))


def _narrow(lines: list[dict[str, Any]], asked: Any, given: dict[str, Any], dataset_id: str) -> None:  # noqa: ANN401 - JSON
    """Approve the lines under safeguards stricter than those asked for, which stay."""
    of_line = {each["id"]: each for each in asked}
    held = [
        {
            "dataset_id": of_line[line["line_id"]]["dataset_id"],
            "safeguards": of_line[line["line_id"]].get("safeguards"),
        }
        for line in lines
    ]
    safeguards.put_on(held, given, dataset_id)
    for line, each in zip(lines, held, strict=True):
        if not dataset_id or each["dataset_id"] == dataset_id:
            line |= {"outcome": "narrow", "narrowing": {"safeguards": each["safeguards"]}}


def _with_line_id(entry: dict[str, Any], ids: dict[str, str]) -> dict[str, Any]:
    dataset_id = entry.pop("dataset_id", None)
    return entry | ({"line_id": ids.get(dataset_id, dataset_id)} if dataset_id else {})
