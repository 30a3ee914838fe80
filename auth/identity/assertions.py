"""Clients that prove themselves by a private key (RFC 7523 §2.2 and §3, `private_key_jwt`): their public keys, and one assertion read.

Pure, but for `spend`. The key set is uploaded and never fetched from an address; an assertion counts once, for us, for a short time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, delete

from auth.identity import id_tokens
from auth.identity.tables import AssertionRow
from auth.identity.tokens import MAX_BYTES, BadToken, canonical_parts, json_object
from core.errors import InputRefused
from core.text import Text
from core.work import Work

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ("EdDSA", "ES256", "PS256", "RS256")
MAX_KEYS: Final = 5
MAX_JWKS: Final = 16 * 1024
MAX_LIFE_S: Final = 3600 + id_tokens.LEEWAY_S
_TYPES: Final = frozenset({"JWT", "jwt", "client-authentication+jwt"})
_KEPT: Final = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a good assertion says. `token`: its `jti` as a digest, so that any text can be stored."""

    token: str
    expires_at: datetime


def key_set(words: str) -> str:
    """An uploaded JWKS, checked and reduced to what is needed, as JSON. Raises InputRefused, saying what is wrong."""
    try:
        return json.dumps({"keys": _keys(words)}, sort_keys=True)
    except BadToken as fault:
        said = str(fault)
        raise InputRefused(
            Text(
                f"公钥集不能使用（{said}）；须为 JWKS，含 1 至 {MAX_KEYS} 个公钥（Ed25519、P-256 或不短于 2048 位的 RSA），各有不同的 kid，不得含私钥。",
                f"The key set cannot be used ({said}); it must be a JWKS of 1 to {MAX_KEYS} public keys (Ed25519, P-256, or RSA of at least 2048 bits), each with its own kid and without private parts.",
            ),
            field="jwks",
        ) from fault


def _keys(words: str) -> list[dict[str, Any]]:
    if len(words) > MAX_JWKS:
        raise BadToken(f"longer than {MAX_JWKS} characters")
    listed = json_object(words.encode()).get("keys")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_KEYS:
        raise BadToken(f"keys: 1 to {MAX_KEYS}")
    found = [_key(each) for each in listed]
    if len({key["kid"] for key in found}) != len(found):
        raise BadToken("a kid occurs twice")
    return found


def _key(jwk: object) -> dict[str, Any]:
    if not isinstance(jwk, dict):
        raise BadToken("a key is no JSON object")
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 100:
        raise BadToken("kid: a text of 1 to 100 characters")
    if private := sorted({"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & set(jwk)):
        raise BadToken(
            f"{kid} holds private parts ({', '.join(private)}); make a new pair and upload the public half alone"
        )
    family = id_tokens.family_of(jwk)
    algorithm = jwk.get("alg", family[0] if family else None)
    if algorithm not in family:
        raise BadToken(f"{kid}: kind of key or alg")
    id_tokens.public_key(jwk, str(algorithm))
    return {name: jwk[name] for name in _KEPT if name in jwk}


def client_of(assertion: str) -> str:
    """Whom an assertion claims to come from, before anything is proven. Raises BadToken."""
    claimed = json_object(canonical_parts(assertion)[1]).get("sub")
    if not isinstance(claimed, str):
        raise BadToken("sub")
    return claimed


def read(
    assertion: str, jwks: Mapping[str, Any], client_id: str, audiences: Collection[str], now: datetime
) -> Assertion:
    """An assertion by that client for one of these audiences (and no other besides). Raises BadToken, naming the first thing wrong."""
    if len(assertion) > MAX_BYTES:
        raise BadToken("too long")
    payload, _ = id_tokens.verified(assertion, jwks, _TYPES)
    body = json_object(payload)
    if body.get("iss") != client_id or body.get("sub") != client_id:
        raise BadToken("iss or sub")
    audience = body.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if len(named) != 1 or named[0] not in audiences:
        raise BadToken("aud")
    moment = now.timestamp()
    for name in ("exp", "iat", "nbf"):
        if (name == "exp" or name in body) and type(body.get(name)) is not int:
            raise BadToken(f"{name} is not a whole number")
    if body["exp"] <= moment - id_tokens.LEEWAY_S:
        raise BadToken("expired")
    if body["exp"] > moment + MAX_LIFE_S:
        raise BadToken(f"exp is more than {MAX_LIFE_S} seconds ahead")
    if max(body.get("nbf", 0), body.get("iat", 0)) > moment + id_tokens.LEEWAY_S:
        raise BadToken("not valid yet")
    token = body.get("jti")
    if not isinstance(token, str) or not 0 < len(token) <= 200:
        raise BadToken("jti: a text of 1 to 200 characters")
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    return Assertion(digest, datetime.fromtimestamp(body["exp"] + id_tokens.LEEWAY_S, UTC))


def spend(work: Work, key_id: str, assertion: Assertion) -> bool:
    """Take an assertion; False when it was taken before. Two at once: one of them gets it."""
    work.db.exec(delete(AssertionRow).where(col(AssertionRow.expires_at) <= work.now))
    table = SQLModel.metadata.tables["auth_assertion"]
    make = postgresql.insert if work.db.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"key_id": key_id, "jti": assertion.token, "expires_at": assertion.expires_at}
    wanted = make(table).values(values).on_conflict_do_nothing().returning(table.c.jti)
    return work.db.connection().execute(wanted).first() is not None
