"""`datagrant user …`: accounts and their roles."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(no_args_is_help=True, help="Accounts and roles.")

User = Annotated[str, typer.Argument(help="User name")]
COLUMNS = ("username", "name_zh", "name_en", "org_id", "roles", "disabled")


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Roles as short words, for the table."""
    return row | {"roles": ", ".join(f"{role['role']}@{role['scope']}" for role in row["roles"])}


def _say(row: dict[str, Any], as_json: bool) -> None:
    show(row if as_json or "roles" not in row else _flat(row), as_json)


@app.command("list")
def list_(
    query: Annotated[str, typer.Option("--query", "-q", help="Part of a user name or name")] = "",
    org: Annotated[str, typer.Option(help="Only this organisation")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Accounts by user name."""
    with connect(data_dir, server, token, user) as api:
        found = api.get("/users", q=query, org=org or None, limit=limit, offset=offset)
        show(
            found if as_json else found | {"items": [_flat(row) for row in found["items"]]}, as_json, COLUMNS
        )


@app.command("show")
def show_(
    who: User,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One account."""
    with connect(data_dir, server, token, user) as api:
        _say(api.get(f"/users/{who}"), as_json)


@app.command()
def create(
    who: User,
    name_zh: Annotated[str, typer.Option(help="Name in Chinese")],
    name_en: Annotated[str, typer.Option(help="Name in English")],
    org: Annotated[str, typer.Option(help="Organisation id; none for platform staff")] = "",
    role: Annotated[list[str] | None, typer.Option(help="A role; may be repeated")] = None,
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Make an account. Without --password-stdin it cannot sign in by password."""
    body = {
        "username": who, "name_zh": name_zh, "name_en": name_en, "org_id": org or None, "roles": role or [],
        "password": password_read() if password_stdin else None,
    }  # fmt: skip
    with connect(data_dir, server, token, user) as api:
        _say(api.post("/users", body), as_json)


@app.command()
def disable(
    who: User,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Disable an account; its sessions and tokens end at once."""
    with connect(data_dir, server, token, user) as api:
        _say(api.post(f"/users/{who}/disable"), as_json)


@app.command()
def enable(
    who: User,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Enable a disabled account."""
    with connect(data_dir, server, token, user) as api:
        _say(api.post(f"/users/{who}/enable"), as_json)


@app.command()
def password(
    who: User,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Set a new password, read from standard input; for an account that decides anything another administrator confirms it."""
    body = {"password": password_read()}
    with connect(data_dir, server, token, user) as api:
        _say(api.post(f"/users/{who}/password", body), as_json)


@app.command()
def link(
    who: User,
    issuer: Annotated[str, typer.Option(help="The provider's issuer")],
    subject: Annotated[str, typer.Option(help="The person's subject there")],
    end: Annotated[bool, typer.Option(help="End the link instead")] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask that an identity of the OpenID Connect provider may sign in as this account; another administrator confirms."""
    body = {"issuer": issuer, "subject": subject}
    with connect(data_dir, server, token, user) as api:
        if not end:
            show(api.post(f"/users/{who}/links", body), as_json)
            return
        api.post(f"/users/{who}/links/end", body)
        show(api.get(f"/users/{who}/links"), as_json, ("issuer", "subject", "linked_at", "last_used_at"))


@app.command()
def give(
    who: User,
    role: Annotated[str, typer.Argument(help="Role, for example steward")],
    scope: Annotated[str, typer.Option(help="Organisation id or *; empty for the usual one")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask for a role; another administrator confirms it with `role-change confirm`."""
    with connect(data_dir, server, token, user) as api:
        show(api.post(f"/users/{who}/roles", {"role": role, "scope": scope or None}), as_json)


@app.command()
def take(
    who: User,
    role: Annotated[str, typer.Argument(help="Role to end")],
    scope: Annotated[str, typer.Option(help="Only at this scope")] = "",
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Ask to end a role; another administrator confirms it. To stop somebody at once: `user disable`."""
    with connect(data_dir, server, token, user) as api:
        held = [
            item for item in api.get(f"/users/{who}")["roles"]
            if item["role"] == role and scope in ("", item["scope"])
        ]  # fmt: skip
        if not held:
            print(f"{who} does not hold the role {role}.", file=sys.stderr)
            raise typer.Exit(1)
        for item in held:
            asked = api.delete(f"/users/{who}/roles/{item['id']}")
        show(asked, as_json)


def password_read(asked: str = "Password", *, twice: bool = True) -> str:
    """From a prompt on a terminal, from the next line of a pipe otherwise; never from the command line, which others can see."""
    if sys.stdin.isatty():
        return str(typer.prompt(asked, hide_input=True, confirmation_prompt=twice))
    return sys.stdin.readline().rstrip("\r\n")
