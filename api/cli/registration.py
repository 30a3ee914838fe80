"""`datagrant registration`: registration of data resources in authorised operation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, read_json, show
from api.digests import named
from api.listing import Limit, Offset

app = typer.Typer(
    help="Registration: list, show, standing, draft, save, submit, drop, pass, return, refuse, object, certify, pack.", no_args_is_help=True
)  # fmt: skip
COLUMNS = ("id", "act", "dataset_id", "state", "code", "notice_to", "valid_to", "is_valid")
Why = Annotated[str, typer.Option("--reason", help="Why")]
BodyFile = Annotated[
    Path | None,
    typer.Option("--file", exists=True, dir_okay=False, help="JSON: legality, resource, storage, products, scenarios, risk, agent, change, attachments"),
]  # fmt: skip
Papers = Annotated[
    list[str] | None,
    typer.Option("--paper", help="KIND=FILE (repeatable): a document of that kind; its SHA-256 is added to the attachments, the file stays here"),
]  # fmt: skip


def _tell(found: Any, as_json: bool) -> None:  # noqa: ANN401 - JSON
    show(found if as_json else {name: found[name] for name in COLUMNS}, as_json)


def _body(file: Path | None, papers: list[str] | None) -> Any:  # noqa: ANN401 - JSON
    body = read_json(file) if file else {}
    if not papers or not isinstance(body, dict):
        return body
    return body | {"attachments": [*body.get("attachments", ()), *map(_paper, papers)]}


def _paper(given: str) -> dict[str, str]:
    kind, _, path = given.partition("=")
    if not Path(path).is_file():
        raise typer.BadParameter(f"--paper {given}: KIND=FILE, and there must be such a file")
    return {"paper": kind} | named(Path(path))


@app.command("list")
def list_registrations(
    state: Annotated[str, typer.Option("--state", help="DRAFT, SUBMITTED, NOTICE, REGISTERED, REFUSED, DROPPED or SUPERSEDED")] = "",
    act: Annotated[str, typer.Option("--act", help="first, change, correction, renewal or cancellation")] = "",
    dataset: Annotated[str, typer.Option("--dataset", help="Of this dataset")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Acts that you may see, newest first."""
    with connect(data_dir, server, token, user) as api:
        show(
            api.get(
                "/registrations",
                state=state or None,
                act=act or None,
                dataset_id=dataset,
                limit=limit,
                offset=offset,
            ),
            as_json,
            COLUMNS,
        )


@app.command("show")
def show_registration(
    registration_id: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One act."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/registrations/{registration_id}"), as_json)


@app.command()
def standing(
    dataset: str,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Where a public dataset stands in the register today."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/registrations/standing/{dataset}"), as_json)


@app.command()
def draft(
    dataset: str,
    act: Annotated[str, typer.Option("--act", help="first, change, correction, renewal or cancellation")] = "first",
    file: BodyFile = None, paper: Papers = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Begin an act."""
    with connect(data_dir, server, token, user) as api:
        _tell(
            api.post("/registrations", {"dataset_id": dataset, "act": act, "body": _body(file, paper)}),
            as_json,
        )


@app.command()
def save(
    registration_id: str, file: BodyFile = None, paper: Papers = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Replace what is handed in."""
    with connect(data_dir, server, token, user) as api:
        at = f"/registrations/{registration_id}"
        _tell(api.step(at, {"body": _body(file, paper)}, how="PUT", of=at), as_json)


def _step(name: str, said: str, *, reason: bool) -> None:
    """A command for one step that takes nothing but the act, and a reason where one is needed."""

    def with_reason(
        registration_id: str, reason: Why,
        data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
    ) -> None:  # fmt: skip
        with connect(data_dir, server, token, user) as api:
            _tell(api.step(f"/registrations/{registration_id}/{name}", {"note": reason}), as_json)

    def plain(
        registration_id: str,
        data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
    ) -> None:  # fmt: skip
        with connect(data_dir, server, token, user) as api:
            _tell(api.step(f"/registrations/{registration_id}/{name}", {}), as_json)

    app.command(name, help=said)(with_reason if reason else plain)


_step("submit", "Hand it in.", reason=False)
_step("drop", "Give the draft up.", reason=False)
_step("pass", "Pass the formal review; notice begins.", reason=False)
_step("return", "Send it back to be completed.", reason=True)
_step("refuse", "Refuse it.", reason=True)
_step("object", "Uphold an objection: review again.", reason=True)


@app.command()
def certify(
    registration_id: str,
    code: Annotated[str, typer.Option("--code", help="The national code, if there is one")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Register it and give the code, once notice has run out."""
    with connect(data_dir, server, token, user) as api:
        _tell(api.step(f"/registrations/{registration_id}/certify", {"code": code}), as_json)


@app.command()
def pack(
    registration_id: str,
    out: Annotated[Path, typer.Option("--out", help="The ZIP to write")] = Path("registration.zip"),
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The pack as a ZIP: JSON, workbook, list of attachments."""
    with connect(data_dir, server, token, user) as api:
        api.fetch_by_post(f"/registrations/{registration_id}/pack", out)
        show({"out": str(out), "bytes": out.stat().st_size}, as_json)
