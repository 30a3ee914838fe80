"""The strict reader of access tokens: what it takes is narrow, and every known trick is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.identity import keyring, tokens
from core.errors import NotSignedIn

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ISSUER = "https://datagrant.example"


@pytest.fixture
def ring(tmp_path: Path) -> keyring.Ring:
    return keyring.ring(tmp_path, NOW)


def _token(ring: keyring.Ring, ttl_s: int = 300, issuer: str = ISSUER) -> str:
    return tokens.issue_access(
        ring, account_id="a-1", session_id="s-1", epoch=3, issuer=issuer, token_id="t-1", now=NOW, ttl_s=ttl_s
    )


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _made(
    ring: keyring.Ring,
    header: dict[str, Any] | str | None = None,
    body: dict[str, Any] | str | None = None,
    *,
    key: Ed25519PrivateKey | None = None,
) -> str:
    """A token signed by our own key over whatever header and body an attacker might wish for."""
    moment = int(NOW.timestamp())
    usual_header = {"alg": "EdDSA", "kid": ring.current.kid, "typ": "at+jwt"}
    usual_body = {
        "iss": ISSUER, "aud": "datagrant", "sub": "a-1", "sid": "s-1", "epoch": 3, "jti": "t-1",
        "iat": moment, "nbf": moment, "exp": moment + 300,
    }  # fmt: skip

    def text(change: dict[str, Any] | str | None, usual: dict[str, Any]) -> str:
        if isinstance(change, str):
            return change
        merged = usual | (change or {})
        return json.dumps({name: value for name, value in merged.items() if value != "absent"})

    head = _b64(text(header, usual_header).encode()) + "." + _b64(text(body, usual_body).encode())
    return head + "." + _b64((key or ring.current.private).sign(head.encode()))


def _refused(token: str, ring: keyring.Ring, now: datetime = NOW) -> str:
    """The cause of a refusal; fails when the token is taken."""
    with pytest.raises(NotSignedIn) as found:
        tokens.verify(token, ring.verifiers(now), issuer=ISSUER, now=now)
    assert isinstance(found.value.__cause__, tokens.BadToken)
    return str(found.value.__cause__)


def test_good_token_says_who(ring: keyring.Ring) -> None:
    for token in (_token(ring), _made(ring)):
        claims = tokens.verify(token, ring.verifiers(NOW), issuer=ISSUER, now=NOW)
        assert (claims.account_id, claims.session_id, claims.epoch) == ("a-1", "s-1", 3)
        assert claims.expires_at == NOW + timedelta(seconds=300)


def test_token_ends_on_its_second(ring: keyring.Ring) -> None:
    token = _token(ring)
    keys = ring.verifiers(NOW)
    tokens.verify(token, keys, issuer=ISSUER, now=NOW + timedelta(seconds=299, microseconds=999_999))
    assert _refused(token, ring, NOW + timedelta(seconds=300)) == "expired"


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", "HS256", "RS256", "ES256", "Ed25519", "eddsa", None, 1]
)
def test_other_algorithms_are_refused(ring: keyring.Ring, alg: object) -> None:
    assert _refused(_made(ring, {"alg": alg}), ring) == "alg or typ does not fit the key"


def test_unsigned_token_is_refused(ring: keyring.Ring) -> None:
    body = _made(ring).split(".")[1]
    header = _b64(json.dumps({"alg": "none", "kid": ring.current.kid, "typ": "at+jwt"}).encode())
    _refused(f"{header}.{body}.", ring)
    _refused(f"{header}.{body}.AA", ring)


def test_public_key_as_hmac_secret_is_refused(ring: keyring.Ring) -> None:
    body = _made(ring).split(".")[1]
    header = _b64(json.dumps({"alg": "HS256", "kid": ring.current.kid, "typ": "at+jwt"}).encode())
    secret = ring.current.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = _b64(hmac.new(secret, f"{header}.{body}".encode(), hashlib.sha256).digest())
    _refused(f"{header}.{body}.{mac}", ring)


@pytest.mark.parametrize(
    "kid", ["../../dev/null", "' OR 1=1 --", "", "unknown", None, 7, ["x"], {"x": 1}, "\0", "absent"]
)
def test_foreign_key_ids_are_refused(ring: keyring.Ring, kid: object) -> None:
    _refused(_made(ring, {"kid": kid}), ring)


@pytest.mark.parametrize(
    "extra",
    [
        {"jku": "https://evil.example/jwks.json"}, {"x5u": "https://evil.example/c.pem"}, {"jwk": {"kty": "OKP"}},
        {"x5c": ["AA"]}, {"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]}, {"zip": "DEF"}, {"cty": "JWT"},
    ],
)  # fmt: skip
def test_headers_that_bring_keys_or_conditions_are_refused(ring: keyring.Ring, extra: dict[str, Any]) -> None:
    assert _refused(_made(ring, extra), ring).startswith("header members")


@pytest.mark.parametrize("typ", ["JWT", "at+JWT", "application/at+jwt", "rt+jwt", "", None, "absent"])
def test_other_kinds_of_token_are_refused(ring: keyring.Ring, typ: object) -> None:
    _refused(_made(ring, {"typ": typ}), ring)


@pytest.mark.parametrize("name", tokens.REQUIRED)
def test_every_claim_is_required(ring: keyring.Ring, name: str) -> None:
    assert "missing" in _refused(_made(ring, body={name: "absent"}), ring)


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["datagrant"]}, {"aud": ["datagrant", "other"]}, {"aud": "other"}, {"aud": None}, {"aud": "datagrant "},
        {"iss": ISSUER + "/"}, {"iss": ISSUER[:-1]}, {"iss": [ISSUER]}, {"iss": ""},
        {"exp": "99999999999"}, {"exp": 1e12}, {"exp": True}, {"exp": None}, {"exp": [1]}, {"exp": 0}, {"exp": -1},
        {"nbf": int(NOW.timestamp()) + 11}, {"iat": int(NOW.timestamp()) + 11}, {"nbf": "0"}, {"iat": 1.5},
        {"sub": ""}, {"sub": None}, {"sub": ["a-1"]}, {"sub": "a" * 81}, {"epoch": "3"}, {"epoch": True}, {"epoch": None},
    ],
)  # fmt: skip
def test_claims_that_do_not_fit_are_refused(ring: keyring.Ring, change: dict[str, Any]) -> None:
    _refused(_made(ring, body=change), ring)


def test_duplicate_names_are_refused(ring: keyring.Ring) -> None:
    good = json.loads(base64.urlsafe_b64decode(_made(ring).split(".")[1] + "=="))
    twice = json.dumps(good)[:-1] + ', "sub": "a-2"}'
    assert _refused(_made(ring, body=twice), ring) == "a name occurs twice"
    header = f'{{"alg":"none","alg":"EdDSA","kid":"{ring.current.kid}","typ":"at+jwt"}}'
    assert _refused(_made(ring, header), ring) == "a name occurs twice"


@pytest.mark.parametrize("body", ["[]", "null", "1", '"x"', "", "{", "NaN", '{"exp": NaN}', "[" * 3000])
def test_bodies_that_are_no_objects_are_refused(ring: keyring.Ring, body: str) -> None:
    _refused(_made(ring, body=body), ring)


def test_oversized_and_malformed_texts_are_refused(ring: keyring.Ring) -> None:
    good = _token(ring)
    head, body, signature = good.split(".")
    for bad in (
        good + "A" * 8192, f"{head}.{body}", f"{good}.{body}", f" {good}", f"{good}\n", f"{good}=", "", "..",
        good.replace(".", "．"), f"{head}.{body}.{signature[:-2]}", f"{head}.{body}+.{signature}",
    ):  # fmt: skip
        _refused(bad, ring)


def test_every_flipped_character_is_noticed(ring: keyring.Ring) -> None:
    good = _token(ring)
    for place in range(len(good)):
        for other in "A_":
            if good[place] not in (".", other):
                _refused(good[:place] + other + good[place + 1 :], ring)


def test_a_signature_has_one_spelling(ring: keyring.Ring) -> None:
    """The last of its 86 characters carries two bits: sixteen characters stand for the same bytes, one is the token."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = _token(ring)
    start = letters.index(good[-1])
    assert start % 16 == 0
    for other in letters[start + 1 : start + 16]:
        assert _refused(good[:-1] + other, ring) == "base64url is not canonical"


def test_signature_of_a_stranger_is_refused(ring: keyring.Ring) -> None:
    assert _refused(_made(ring, key=Ed25519PrivateKey.generate()), ring) == "signature"


def test_key_kind_fixes_the_algorithm(ring: keyring.Ring) -> None:
    keys = {ring.current.kid: (ring.current.public, "HS256")}
    with pytest.raises(NotSignedIn):
        tokens.verify(_token(ring), keys, issuer=ISSUER, now=NOW)


def test_a_key_of_another_curve_than_its_algorithm_is_refused(ring: keyring.Ring) -> None:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    token = _made(ring, {"alg": "ES256"})
    with pytest.raises(tokens.BadToken, match=r"^key$"):
        tokens.signed_body(token, {ring.current.kid: (key, "ES256")}, tokens.TYPE)


@pytest.mark.shared
def test_published_signature_vectors_get_their_published_result(shared: Path) -> None:
    """Wycheproof's vectors for keys on P-256 that may sign."""
    groups = json.loads((shared / "conformance/jose/json_web_signature_test.json").read_text())["testGroups"]
    seen = 0
    for group in groups:
        jwk = group.get("public") or group.get("private")
        if jwk.get("crv") != "P-256" or jwk.get("use") != "sig":
            continue
        public = jwt.PyJWK(jwk, algorithm="ES256").key
        for vector in group["tests"]:
            try:
                tokens.signed_body(vector["jws"], {jwk["kid"]: (public, "ES256")}, None)
                taken = True
            except tokens.BadToken:
                taken = False
            assert taken == (vector["result"] == "valid"), (vector["tcId"], vector["comment"])
            seen += 1
    assert seen >= 30
