"""Access tokens: the one place that signs and reads them. Nothing else in the product imports `jwt`.

Why this exists: a JWT library alone accepts too much. Here the key fixes the algorithm, a fixed header shape is demanded before
anything is believed, and times are judged by the work's instant (the library would read the machine's clock).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from auth.identity.keyring import Ring
from core.errors import NotSignedIn
from core.text import Text

AUDIENCE: Final = "datagrant"
TYPE: Final = "at+jwt"  # RFC 9068
MAX_BYTES: Final = 8 * 1024
LEEWAY_S: Final = 10
REQUIRED: Final = ("exp", "iat", "nbf", "iss", "aud", "sub", "jti", "sid", "epoch")
_PARTS: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_HEADER_NAMES: Final = frozenset({"alg", "kid", "typ"})
_ALGORITHMS: Final = frozenset({"EdDSA", "ES256"})

PublicKey = Ed25519PublicKey | EllipticCurvePublicKey
Verifiers = Mapping[str, tuple[PublicKey, str]]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good access token says. `epoch` must still be the account's."""

    account_id: str
    session_id: str
    epoch: int
    token_id: str
    expires_at: datetime


class BadToken(Exception):
    """Why a token was refused; for logs and tests. Callers outside learn only that it was."""


def issue_access(
    ring: Ring,
    *,
    account_id: str,
    session_id: str,
    epoch: int,
    issuer: str,
    token_id: str,
    now: datetime,
    ttl_s: int,
) -> str:
    """A signed access token. It carries no grants: revoking one needs no token to be called back."""
    moment = int(now.timestamp())
    body = {
        "iss": issuer, "aud": AUDIENCE, "sub": account_id, "sid": session_id, "epoch": epoch, "jti": token_id,
        "iat": moment, "nbf": moment, "exp": moment + ttl_s,
    }  # fmt: skip
    headers = {"kid": ring.current.kid, "typ": TYPE}
    return jwt.encode(body, ring.current.private, algorithm="EdDSA", headers=headers)


def verify(token: str, keys: Verifiers, *, issuer: str, now: datetime) -> Claims:
    """The claims of a good token. Raises NotSignedIn, always with the same sentence; the cause is chained for the log."""
    try:
        return _claims(signed_body(token, keys, TYPE), issuer, now)
    except BadToken as cause:
        text = Text(
            "访问令牌无效或已过期；请重新获取。",
            "The access token is not valid or has expired; get a new one.",
        )
        raise NotSignedIn(text) from cause


def signed_body(token: str, keys: Verifiers, typ: str | None) -> bytes:
    """The payload bytes of a compact JWS whose header is exactly {alg, kid, typ} and whose key fixes the algorithm.

    typ None: a bare signature, whose header is exactly {alg, kid}.

    Raises BadToken, naming the first thing wrong.
    """
    head, payload, signature = canonical_parts(token)
    header = json_object(head)
    if set(header) != (_HEADER_NAMES if typ else _HEADER_NAMES - {"typ"}):
        raise BadToken(f"header members {sorted(header)}")
    kid = header["kid"]
    if not isinstance(kid, str) or kid not in keys:
        raise BadToken("unknown kid")
    key, algorithm = keys[kid]
    if algorithm not in _ALGORITHMS or header["alg"] != algorithm or header.get("typ") != typ:
        raise BadToken("alg or typ does not fit the key")
    scheme = _JWS.get_algorithm_by_name(algorithm)
    try:
        is_good = scheme.verify(token.rpartition(".")[0].encode(), scheme.prepare_key(key), signature)
    except jwt.PyJWTError as cause:
        raise BadToken("key") from cause
    if not is_good:
        raise BadToken("signature")
    return payload


def canonical_parts(token: str, most: int = MAX_BYTES) -> tuple[bytes, bytes, bytes]:
    """The three parts decoded. Raises BadToken unless they are canonical base64url within the limit."""
    if len(token) > most or not _PARTS.fullmatch(token):
        raise BadToken(f"not three base64url parts of at most {most} bytes")
    if any(not _is_canonical(part) for part in token.split(".")):
        raise BadToken("base64url is not canonical")
    header, payload, signature = (_decoded(part) for part in token.split("."))
    return header, payload, signature


_JWS: Final = jwt.PyJWS(algorithms=sorted(_ALGORITHMS))


def _claims(payload: bytes, issuer: str, now: datetime) -> Claims:
    body = json_object(payload)
    if missing := [name for name in REQUIRED if name not in body]:
        raise BadToken(f"claims missing: {missing}")
    if body["iss"] != issuer or body["aud"] != AUDIENCE:
        raise BadToken("iss or aud")
    for name in ("exp", "iat", "nbf", "epoch"):
        if type(body[name]) is not int:
            raise BadToken(f"{name} is not a whole number")
    for name in ("sub", "sid", "jti"):
        if not isinstance(body[name], str) or not 0 < len(body[name]) <= 80:
            raise BadToken(f"{name} is not a short text")
    moment = now.timestamp()
    if body["exp"] <= moment:
        raise BadToken("expired")
    if body["nbf"] > moment + LEEWAY_S or body["iat"] > moment + LEEWAY_S:
        raise BadToken("not valid yet")
    expires = now + timedelta(seconds=min(body["exp"] - moment, 366 * 86400))
    return Claims(body["sub"], body["sid"], body["epoch"], body["jti"], expires)


def _decoded(part: str) -> bytes:
    try:
        return jwt.utils.base64url_decode(part)
    except ValueError as cause:
        raise BadToken("base64url") from cause


def _is_canonical(part: str) -> bool:
    """Whether encoding the decoded bytes gives the same text (no stray bits at the end)."""
    return jwt.utils.base64url_encode(_decoded(part)).decode() == part


def json_object(raw: bytes) -> dict[str, Any]:
    """A JSON object in which no name occurs twice. Raises BadToken."""
    try:
        body = json.loads(raw, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as cause:
        raise BadToken("not JSON") from cause
    if not isinstance(body, dict):
        raise BadToken("not a JSON object")
    return body


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise BadToken("a name occurs twice")
    return body


def _no_constant(name: str) -> None:
    raise BadToken(f"{name} is not JSON")
