"""Proofs that a program holds a private key (RFC 9449, DPoP): one read, one spent. Refresh tokens alone are bound by them (§5 of it).

Pure, but for `spend`. A proof brings its own public key, which proves nothing about who that is; what counts is that it is the same key as when
the family of tokens began.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, delete

from auth.identity import id_tokens
from auth.identity.keyring import thumbprint
from auth.identity.tables import RefreshProofRow
from auth.identity.tokens import BadToken, canonical_parts, json_object
from core.work import Work

TYPE: Final = "dpop+jwt"
ALGORITHMS: Final = ("EdDSA", "ES256")
WINDOW_S: Final = 60


@dataclass(frozen=True, slots=True)
class Proof:
    """What a good proof says. `key`: the thumbprint of its key; `token`: its `jti` as a digest."""

    key: str
    token: str
    expires_at: datetime


def read(words: str, method: str, address: str, now: datetime) -> Proof:
    """A proof made for this method and address, about now. Raises BadToken, naming the first thing wrong."""
    header = json_object(canonical_parts(words)[0])
    if set(header) != {"typ", "alg", "jwk"} or header["typ"] != TYPE:
        raise BadToken("its header has exactly typ (dpop+jwt), alg and jwk")
    jwk, algorithm = header["jwk"], header["alg"]
    if not isinstance(jwk, dict) or algorithm not in ALGORITHMS or algorithm not in id_tokens.family_of(jwk):
        raise BadToken("jwk or alg: a public key of Ed25519 (EdDSA) or P-256 (ES256)")
    body = json_object(id_tokens.signed_by(words, id_tokens.public_key(jwk, algorithm), algorithm))
    if body.get("htm") != method:
        raise BadToken(f"htm: {method}")
    if body.get("htu") != address:
        raise BadToken(f"htu: {address}")
    made, token = body.get("iat"), body.get("jti")
    if type(made) is not int or abs(made - int(now.timestamp())) > WINDOW_S:
        raise BadToken(f"iat: within {WINDOW_S} seconds of now; look at the clock")
    if not isinstance(token, str) or not 0 < len(token) <= 200:
        raise BadToken("jti: a text of 1 to 200 characters")
    digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
    return Proof(thumbprint(jwk), digest, datetime.fromtimestamp(made + WINDOW_S + 1, UTC))


def spend(work: Work, proof: Proof) -> bool:
    """Take a proof; False when it was taken before. Two at once: one of them gets it."""
    work.db.exec(delete(RefreshProofRow).where(col(RefreshProofRow.expires_at) <= work.now))
    table = SQLModel.metadata.tables["auth_refresh_proof"]
    make = postgresql.insert if work.db.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = {"key": proof.key, "jti": proof.token, "expires_at": proof.expires_at}
    wanted = make(table).values(values).on_conflict_do_nothing().returning(table.c.jti)
    return work.db.connection().execute(wanted).first() is not None
