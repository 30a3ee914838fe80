"""`datagrant grant keys|key-make|key-end`, and `datagrant token exchange|proof`: keys bound to one grant, and what is proven by a key."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.client import DEFAULT_DIR, As, DataDir, Json, Server, Token, connect, say_refused, show

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_COLUMNS = ("id", "name", "owner", "kids", "scopes", "networks", "expires_at", "last_used_at", "revoked_at")


def keys(
    grant_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """The keys bound to a grant."""
    with connect(data_dir, server, token, user) as api:
        show(api.get(f"/grants/{grant_id}/keys"), as_json, _COLUMNS)


def key_make(
    grant_id: str,
    name: Annotated[str, typer.Option("--name", help="What the key is for")] = "command line",
    days: Annotated[int, typer.Option("--days", help="Days valid, 1 to 180")] = 90,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="Allow this alone; may be repeated")] = None,
    network: Annotated[list[str] | None, typer.Option("--network", help="Address or network it may come from; may be repeated")] = None,
    jwks: Annotated[Path | None, typer.Option("--jwks", exists=True, dir_okay=False, help="File of public keys; then no secret is made")] = None,
    data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "", as_json: Json = False,
) -> None:  # fmt: skip
    """Make a key for one grant and print it alone; with --jwks print the client id."""
    body = {
        "name": name, "days": days, "scopes": scope or [], "networks": network or [],
        "jwks": jwks.read_text(encoding="utf-8") if jwks else "",
    }  # fmt: skip
    with connect(data_dir, server, token, user) as api:
        made = api.post(f"/grants/{grant_id}/keys", body)
    if as_json:
        show(made, True)
    else:
        print(made["key"] or made["id"])


def key_end(
    grant_id: str, key_id: str, data_dir: DataDir = DEFAULT_DIR, server: Server = "", token: Token = "", user: As = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """End a key of a grant now."""
    with connect(data_dir, server, token, user) as api:
        show(api.delete(f"/grants/{grant_id}/keys/{key_id}"), as_json)


def pair(
    out: Annotated[Path, typer.Argument(help="Directory for private.pem and jwks.json")],
    as_json: Json = False,
) -> None:
    """Make an Ed25519 key pair for a program: keep private.pem, hand in jwks.json."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from auth.identity.keyring import new_key
    from core.work import system_clock

    kept = out / "private.pem"
    if kept.exists():
        raise typer.BadParameter(
            f"{kept} is there already; a key is never overwritten. 密钥文件已存在，不会覆盖。"
        )
    made = new_key(system_clock())
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept.touch(0o600, exist_ok=False)
    kept.write_bytes(made.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (out / "jwks.json").write_text(json.dumps({"keys": [made.jwk()]}, indent=1) + "\n", encoding="utf-8")
    show({"private": str(kept), "jwks": str(out / "jwks.json"), "kid": made.kid}, as_json)


def exchange(
    client_id: Annotated[str, typer.Argument(help="The id that key-make printed")],
    key: Annotated[
        Path, typer.Option("--key", exists=True, dir_okay=False, help="The private key, PEM (Ed25519)")
    ],
    server: Server = "",
    as_json: Json = False,
) -> None:
    """Get an access token for a private key (private_key_jwt) and print it alone."""
    import httpx2

    from auth.identity.assertions import TYPE
    from core.work import system_clock

    private = _private(key)
    if not server or private is None:
        raise typer.BadParameter(
            "--server is needed, and an Ed25519 key in PEM without a password. 须指明 --server 与无口令的 Ed25519 私钥。"
        )
    at = int(system_clock().timestamp())
    endpoint = f"{server.rstrip('/')}/oauth/token"
    said = {
        "iss": client_id,
        "sub": client_id,
        "aud": endpoint,
        "iat": at,
        "exp": at + 60,
        "jti": secrets.token_hex(16),
    }
    head = ".".join(_part(json.dumps(each).encode()) for each in ({"alg": "EdDSA", "typ": "JWT"}, said))
    form = {
        "grant_type": "client_credentials", "client_assertion_type": TYPE,
        "client_assertion": f"{head}.{_part(private.sign(head.encode()))}",
    }  # fmt: skip
    try:
        answer = httpx2.post(endpoint, data=form)
        body = answer.json()
    except (httpx2.HTTPError, ValueError) as fault:
        say_refused(
            {
                "title": "No answer",
                "detail": f"{endpoint}: {fault} 无法连接服务，请检查地址与服务是否在运行。",
            }
        )
        raise typer.Exit(1) from None
    if answer.status_code != 200:
        detail = body.get("error_description", str(body))
        if detail.endswith(" aud"):  # an assertion for one address must not serve at another
            detail += ": give the service's public address as --server. --server 须为服务的公开地址。"
        say_refused({"title": body.get("error", "refused"), "detail": detail})
        raise typer.Exit(1)
    if as_json:
        show(body, True)
    else:
        print(body["access_token"])


def proof(
    address: Annotated[str, typer.Argument(help="The whole address that is asked: …/api/v1/auth/token or …/refresh")],
    key: Annotated[Path, typer.Option("--key", exists=True, dir_okay=False, help="The private key, PEM (Ed25519)")],
    method: Annotated[str, typer.Option("--method", help="How it is asked")] = "POST",
) -> None:  # fmt: skip
    """Print a proof of possession for the header DPoP (RFC 9449): good once, for a minute, for this address alone."""
    from auth.identity.possession import TYPE
    from core.work import system_clock

    private = _private(key)
    if private is None:
        raise typer.BadParameter(
            "an Ed25519 key in PEM without a password is needed. 须为无口令的 Ed25519 私钥。"
        )
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": _part(private.public_key().public_bytes_raw())}
    at = int(system_clock().timestamp())
    said = {"htm": method, "htu": address, "iat": at, "jti": secrets.token_hex(16)}
    head = {"typ": TYPE, "alg": "EdDSA", "jwk": jwk}
    text = ".".join(_part(json.dumps(each).encode()) for each in (head, said))
    print(f"{text}.{_part(private.sign(text.encode()))}")


def _private(key: Path) -> Ed25519PrivateKey | None:
    """The Ed25519 key of a PEM file without a password; None where it holds none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return private if isinstance(private, Ed25519PrivateKey) else None


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
