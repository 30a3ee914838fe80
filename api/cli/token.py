"""`datagrant token …`: API keys for programs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from api.cli import grant_keys
from api.cli.user import password_read
from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, show
from api.listing import Limit, Offset

app = typer.Typer(
    no_args_is_help=True,
    help="API keys: issue, list, all, revoke; one's own sessions and password; key pairs and tokens for programs; turn-keys.",
)


@app.command()
def issue(
    user: Annotated[str, typer.Argument(help="User name; over --server it must be the owner of --token")],
    name: Annotated[str, typer.Option(help="What the key is for")] = "command line",
    days: Annotated[int, typer.Option(help="Days valid, 1 to 180")] = 90,
    scope: Annotated[list[str] | None, typer.Option(help="Limit to this permission; may be repeated")] = None,
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Make an API key for USER and print it alone."""
    with connect(data_dir, server, token, user) as api:
        if api.get("/me")["username"] != user.strip().lower():
            print(
                f"The token does not belong to {user}; nobody makes keys for somebody else.", file=sys.stderr
            )
            raise typer.Exit(1)
        made = api.post("/me/api-keys", {"name": name, "days": days, "scopes": scope or []})
    if as_json:
        show(made, True)
    else:
        print(made["key"])


@app.command("list")
def list_(
    data_dir: DataDir = DEFAULT_DIR,
    server: Server = "",
    token: Token = "",
    user: As = "",
    as_json: Json = False,
) -> None:
    """One's own keys, without their secrets."""
    with connect(data_dir, server, token, user) as api:
        columns = ("id", "name", "expires_at", "last_used_at", "revoked_at")
        show(api.get("/me/api-keys"), as_json, columns)


@app.command("all")
def list_all(
    query: Annotated[str, typer.Option("--query", help="In names of keys, user names and ids")] = "",
    org: Annotated[str, typer.Option("--org", help="Keys of people of this organisation")] = "",
    state: Annotated[str, typer.Option("--state", help="live or ended")] = "",
    limit: Limit = 50, offset: Offset = 0,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Everybody's keys, for those who watch over them; `revoke` ends one."""
    with connect(data_dir, server, token, user) as api:
        columns = ("id", "username", "name", "org_id", "grant_id", "expires_at", "last_used_at", "revoked_at")
        show(
            api.get("/api-keys", q=query, org=org, state=state, limit=limit, offset=offset), as_json, columns
        )


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The part after pda_, as `token list` shows it")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End a key now."""
    with connect(data_dir, server, token, user) as api:
        show(api.delete(f"/me/api-keys/{key_id}"), as_json)


@app.command()
def programs(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The programs that hold a refresh token of one's own, and the key that each is bound to."""
    with connect(data_dir, server, token, user) as api:
        columns = ("id", "client", "key", "created_at", "last_used_at", "expires_at")
        show(api.get("/me/programs"), as_json, columns)


@app.command("end-program")
def end_program(
    family_id: Annotated[str, typer.Argument(help="Its id, as `token programs` shows it")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End a program's refresh token now."""
    with connect(data_dir, server, token, user) as api:
        show(api.delete(f"/me/programs/{family_id}"), as_json)


@app.command()
def sessions(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """One's own browser sessions that are live."""
    with connect(data_dir, server, token, user) as api:
        show(api.get("/me/sessions"), as_json, ("id", "created_at", "last_used_at", "ip", "agent"))


@app.command("end-session")
def end_session(
    session_id: Annotated[str, typer.Argument(help="Its id, as `token sessions` shows it")],
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Sign one of one's own browsers out."""
    with connect(data_dir, server, token, user) as api:
        api.delete(f"/me/sessions/{session_id}")
        show(api.get("/me/sessions"), as_json, ("id", "created_at", "last_used_at", "ip", "agent"))


@app.command("sign-out-everywhere")
def sign_out_everywhere(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """End every session, access token and refresh token of one's own at once, this command's too. API keys stay."""
    with connect(data_dir, server, token, user) as api:
        api.post("/me/sign-out-everywhere")
    show({"signed_out": "everywhere"}, as_json)


@app.command()
def password(
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Change one's own password: the present one, then the new one, asked for or as two lines of standard input. Everything is signed out."""
    body = {"current": password_read("Present password", twice=False), "new": password_read("New password")}
    with connect(data_dir, server, token, user) as api:
        api.post("/me/password", body)
    show({"signed_out": "everywhere"}, as_json)


app.command("pair")(grant_keys.pair)
app.command("exchange")(grant_keys.exchange)
app.command("proof")(grant_keys.proof)


@app.command("turn-keys")
def turn_keys(
    at_once: Annotated[
        bool, typer.Option("--at-once", help="After a leak: do not wait until clients know the next key")
    ] = False,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Turn the ring of keys that sign access tokens: the next one signs, the current one only checks."""
    with connect(data_dir, server, token, user) as api:
        turned = api.post("/keys/turn", at_once="true" if at_once else None)
        show(turned if as_json else turned["keys"], as_json, ("kid", "kty", "alg"))
