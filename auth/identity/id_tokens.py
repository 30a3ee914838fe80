"""ID tokens of an OpenID Connect provider (OpenID Connect Core 1.0 §3.1.3.7): who signed in there, or why it is not believed.

Why this exists: the same traps as in `tokens.py`, with somebody else's keys. The key, found by `kid` in the provider's key set, fixes the
family of algorithms; every claim is demanded, of one type, compared whole; times are judged by the work's instant.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import jwt

from auth.identity.tokens import BadToken, canonical_parts, json_object

MAX_BYTES: Final = 16 * 1024
LEEWAY_S: Final = 30
MAX_AGE_S: Final = 600  # older than any sign-in takes
MIN_RSA_BITS: Final = 2048
_BY_KEY: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("RSA", ""): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
_HALF_OF: Final[Mapping[str, str]] = {
    "RS256": "sha256",
    "PS256": "sha256",
    "ES256": "sha256",
    "EdDSA": "sha512",
}
_TYPES: Final = frozenset({"JWT", "jwt"})
_SUBJECT: Final = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,254}")


@dataclass(frozen=True, slots=True)
class Expected:
    """What this sign-in asked for. `access_token`: the one that came with the ID token, for `at_hash`."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str


def subject(token: str, jwks: Mapping[str, Any], expected: Expected, now: datetime) -> str:
    """The subject who signed in. Raises BadToken, naming the first thing wrong."""
    payload, algorithm = verified(token, jwks, _TYPES)
    body = json_object(payload)
    if body.get("iss") != expected.issuer:
        raise BadToken("iss")
    _demand_audience(body, expected.client_id)
    for name in ("exp", "iat"):
        if type(body.get(name)) is not int:
            raise BadToken(f"{name} is not a whole number")
    moment = now.timestamp()
    if body["exp"] <= moment - LEEWAY_S:
        raise BadToken("expired")
    if not moment - MAX_AGE_S <= body["iat"] <= moment + LEEWAY_S:
        raise BadToken("issued at another time")
    if "nbf" in body and (type(body["nbf"]) is not int or body["nbf"] > moment + LEEWAY_S):
        raise BadToken("not valid yet")
    if not isinstance(body.get("nonce"), str) or not hmac.compare_digest(
        body["nonce"].encode(), expected.nonce.encode()
    ):
        raise BadToken("nonce")
    if "at_hash" in body and body["at_hash"] != half_hash(expected.access_token, algorithm):
        raise BadToken("at_hash")
    who = body.get("sub")
    if not isinstance(who, str) or not _SUBJECT.fullmatch(who):
        raise BadToken("sub")
    return who


def half_hash(text: str, algorithm: str) -> str:
    """Left half of the digest that belongs to the signature's algorithm, base64url: `at_hash`."""
    digest = hashlib.new(_HALF_OF[algorithm], text.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _demand_audience(body: Mapping[str, Any], client_id: str) -> None:
    """Ours alone; with others beside us, `azp` must name us."""
    audience = body.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list) or client_id not in named or any(not isinstance(a, str) for a in named):
        raise BadToken("aud")
    if (len(named) > 1 or "azp" in body) and body.get("azp") != client_id:
        raise BadToken("azp")


def verified(token: str, jwks: Mapping[str, Any], types: frozenset[str]) -> tuple[bytes, str]:
    """The payload of a token that one of these public keys signed, and its algorithm. Raises BadToken."""
    header = json_object(canonical_parts(token, MAX_BYTES)[0])
    if not set(header) <= {"alg", "kid", "typ", "x5t", "x5t#S256"}:
        raise BadToken(f"header members {sorted(header)}")
    if header.get("typ", "JWT") not in types:
        raise BadToken("typ")
    key, algorithm = _key_of(header, jwks)
    return signed_by(token, key, algorithm), algorithm


def signed_by(token: str, key: Any, algorithm: str) -> bytes:  # noqa: ANN401 - one of three kinds of key
    """The payload of a token that this key signed by this algorithm. Raises BadToken."""
    try:
        return cast(bytes, _JWS.decode_complete(token, key, algorithms=[algorithm])["payload"])
    except jwt.PyJWTError as cause:
        raise BadToken("signature") from cause


def _key_of(header: Mapping[str, Any], jwks: Mapping[str, Any]) -> tuple[Any, str]:
    """The provider's key that the header names, and the algorithm, which must be one of the key's family."""
    listed = jwks.get("keys")
    keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    kid = header.get("kid")
    fitting = [key for key in keys if key.get("kid") == kid] if kid is not None else keys
    if len(fitting) != 1:
        raise BadToken("no single key of that kid")
    jwk = fitting[0]
    algorithm = header.get("alg")
    if algorithm not in family_of(jwk) or jwk.get("alg", algorithm) != algorithm:
        raise BadToken("alg does not fit the key")
    return public_key(jwk, str(algorithm)), str(algorithm)


def family_of(jwk: Mapping[str, Any]) -> tuple[str, ...]:
    """The algorithms that a public signature key may be used with. Raises BadToken when it is none."""
    ops = jwk.get("key_ops", ["verify"])
    if (
        jwk.get("use", "sig") != "sig"
        or "d" in jwk
        or "k" in jwk
        or not isinstance(ops, list)
        or "verify" not in ops
    ):
        raise BadToken("not a public key for signatures")
    return _BY_KEY.get((str(jwk.get("kty")), str(jwk.get("crv", ""))), ())


def public_key(jwk: Mapping[str, Any], algorithm: str) -> Any:  # noqa: ANN401 - one of three kinds of key
    """The key itself. Raises BadToken when it is malformed, or an RSA key is too short."""
    try:
        key = jwt.PyJWK(dict(jwk), algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError) as cause:
        raise BadToken("key") from cause
    if getattr(key, "key_size", MIN_RSA_BITS) < MIN_RSA_BITS and jwk["kty"] == "RSA":
        raise BadToken("RSA key too short")
    if jwk["kty"] == "RSA" and is_guessable(key.public_numbers().n):
        raise BadToken("RSA key made by a faulty generator (CVE-2017-15361)")
    return key


def is_guessable(modulus: int) -> bool:
    """Whether the modulus bears the mark of keys that a faulty library made (ROCA): its rest by each small prime is a power of 65537."""
    return all(modulus % prime in powers for prime, powers in _MARK)


def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(65537, exponent, prime) for exponent in range(prime))


_PRIMES: Final = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_MARK: Final = tuple((prime, _powers(prime)) for prime in _PRIMES)


_JWS: Final = jwt.PyJWS(options={"verify_signature": True, "enforce_minimum_key_length": True})
