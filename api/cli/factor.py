"""`datagrant factor …`: one's own second factor, and resetting somebody else's."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.user import password_read
from api.client import DEFAULT_DIR, As, DataDir, Json, Otp, Server, Token, connect, show

app = typer.Typer(
    no_args_is_help=True, help="The second factor: status, begin, confirm, codes, remove, reset."
)


@app.command()
def status(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Whether one is enrolled and whether one's roles demand it."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/me/second-factor"), as_json)


@app.command()
def begin(
    password_stdin: Annotated[bool, typer.Option(help="Read the present password from standard input (accounts that have one)")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Make a key for the authenticator app and print it; it counts after `confirm`."""
    body = {"password": password_read() if password_stdin else ""}
    with connect(data_dir, server, token, user) as api:
        made = api.post("/me/second-factor/begin", body)
        show(made if as_json else {"secret": made["secret"], "uri": made["uri"]}, as_json)


@app.command()
def confirm(
    code: Annotated[str, typer.Argument(help="The 6 digits that the app shows")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Finish the enrolment; prints the recovery codes this once."""
    with connect(data_dir, server, token, user) as api:
        _codes(api.post("/me/second-factor/confirm", {"code": code}), as_json)


@app.command()
def codes(
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Replace the recovery codes."""
    with connect(data_dir, server, token, user, otp) as api:
        _codes(api.post("/me/second-factor/codes"), as_json)


@app.command()
def remove(
    otp: Otp = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
) -> None:  # fmt: skip
    """Remove one's own second factor, where one's roles do not demand it."""
    with connect(data_dir, server, token, user, otp) as api:
        api.delete("/me/second-factor")


@app.command()
def reset(
    who: Annotated[str, typer.Argument(help="User name")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask to take away somebody's second factor (lost phone and codes); another administrator confirms: `role-change confirm`."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/users/{who}/second-factor/reset"), as_json)


def _codes(made: dict[str, list[str]], as_json: bool) -> None:
    if as_json:
        show(made, True)
    else:
        print("\n".join(made["codes"]))
