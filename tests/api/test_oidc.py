"""OpenID Connect against a real provider process on loopback, and against every answer that must not be believed."""

from __future__ import annotations

import base64
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sqlmodel import select

from api import oidc
from api.house import House
from auth import audit
from auth.identity import id_tokens, links
from auth.identity.id_tokens import Expected
from auth.identity.links import LinkAsk
from auth.identity.tokens import BadToken
from core.errors import AccessRefused, Conflict, InputRefused, NotSignedIn, Unavailable
from tests.people import (
    Browser,
    a_person,
    actor_of,
    an_org,
    client_as,
    code_of,
    confirm_all,
    enrolled,
    new_browser,
)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider in a process of its own, with one user `zhang`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "oidc_provider_mock",
        "-p",
        str(port),
        "-n",
        "true",
        "--user",
        "zhang",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx2.get(f"{address}/.well-known/openid-configuration")
                break
            except httpx2.TransportError:
                assert process.poll() is None, "the provider did not start"
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def linked(sqlite_house: House, provider: str) -> House:
    """An installation whose clock is the machine's, as the provider's is; `zhang` there is `wang` here."""
    settings = sqlite_house.settings.model_copy(
        update={"oidc_issuer": provider, "oidc_client_id": "datagrant", "oidc_client_secret": "s", "oidc_allow": "127.0.0.0/8"}
    )  # fmt: skip
    house = replace(sqlite_house, settings=settings, clock=lambda: datetime.fromtimestamp(time.time(), UTC))
    with house.write() as work:
        an_org(work, "bureau", "implementing_body")
        an_org(work, "insurer")
        a_person(work, "wang", "insurer", ["applicant"])
        a_person(work, "admin", "bureau", ["sysadmin"])
        links.link(work, actor_of(work, "admin"), "wang", LinkAsk(issuer=provider, subject="zhang"))
    return house


def _goes(browser: Browser, next: str = "/me") -> str:
    """To the provider, signs in there as zhang, and gives the address that it sends the browser back to."""
    off = browser.get(f"/sign-in/oidc?next={next}", follow_redirects=False)
    assert off.status_code == 303, off.text
    query = parse_qs(urlsplit(off.headers["location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    back = httpx2.post(off.headers["location"], data={"sub": "zhang"})
    where = urlsplit(back.headers["location"])
    return f"{where.path}?{where.query}"


def test_a_person_signs_in_at_a_real_provider(linked: House) -> None:
    browser = new_browser(linked)
    assert "/sign-in/oidc?next=" in browser.get("/sign-in?next=/me").text
    done = browser.get(_goes(browser), follow_redirects=False)
    assert done.headers["location"] == "/me", done.text
    assert "wang" in browser.get("/me").text


def test_an_answer_counts_once_and_in_the_browser_that_asked(linked: House) -> None:
    browser, other = new_browser(linked), new_browser(linked)
    back = _goes(browser)
    assert other.get(back, follow_redirects=False).status_code == 401  # somebody else's answer: login CSRF
    seed = next(cookie for cookie in browser.cookies.jar if cookie.name == oidc.COOKIE)
    assert browser.get(back, follow_redirects=False).status_code == 303
    other.cookies.set(oidc.COOKIE, str(seed.value), path=oidc.PATH)
    assert other.get(back, follow_redirects=False).status_code == 401  # the code was used


@pytest.mark.parametrize(
    "change", [("state=", "state=0"), ("code=", "code=0"), ("code=", "error=access_denied&kode="), ("state=", "iss=https%3A%2F%2Fevil.example&state=")]
)  # fmt: skip
def test_an_answer_that_was_altered_signs_nobody_in(linked: House, change: tuple[str, str]) -> None:
    browser = new_browser(linked)
    back = _goes(browser).replace(*change)
    assert browser.get(back, follow_redirects=False).status_code == 401
    assert browser.get("/me", follow_redirects=False).headers["location"].startswith("/sign-in?")


def test_an_identity_without_a_link_gets_no_account_whatever_its_mail(linked: House, provider: str) -> None:
    with linked.write() as work:
        links.unlink(work, actor_of(work, "admin"), "wang", LinkAsk(issuer=provider, subject="zhang"))
    browser = new_browser(linked)
    answer = browser.get(_goes(browser), follow_redirects=False)
    assert answer.status_code == 403
    assert "zhang" in answer.text
    assert "linked to no account" in answer.text


def test_the_second_factor_is_asked_for_here_too(linked: House) -> None:
    secret = enrolled(linked, "wang").secret
    browser = new_browser(linked)
    half = browser.get(_goes(browser), follow_redirects=False)
    assert half.headers["location"] == "/sign-in/code?next=/me"
    assert browser.get("/me", follow_redirects=False).status_code == 303
    later = datetime.fromtimestamp(time.time() + 30, UTC)
    done = browser.post(
        "/sign-in/code", data={"otp": code_of(secret, later), "next": "/me"}, follow_redirects=False
    )
    assert done.headers["location"] == "/me"


def test_links_are_set_by_an_administrator_who_is_somebody_else(linked: House, provider: str) -> None:
    with linked.write() as work, pytest.raises(AccessRefused):
        links.link(work, actor_of(work, "admin"), "admin", LinkAsk(issuer=provider, subject="me"))
    with linked.write() as work, pytest.raises(Conflict):
        links.link(work, actor_of(work, "admin"), "wang", LinkAsk(issuer=provider, subject="zhang"))
    body = {"issuer": provider, "subject": "Zhang"}
    assert client_as(linked, "wang").post("/api/v1/users/wang/links", json=body).status_code == 403
    admin = client_as(linked, "admin")
    assert admin.post("/api/v1/users/wang/links", json=body).status_code == 202
    with linked.write() as work:
        a_person(work, "second", "bureau", ["sysadmin"])
    confirm_all(linked, "second")
    assert len(admin.get("/api/v1/users/wang/links").json()["items"]) == 2
    assert admin.post("/api/v1/users/wang/links/end", json=body).status_code == 204
    with linked.read() as work:
        kinds = set(work.db.exec(select(audit.AuditEventRow.kind)).all())
    assert {"identity.linked", "identity.unlinked"} <= kinds


# -- answers that must not be believed


KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WANTED = Expected("https://id.example", "datagrant", "nonce-1", "access")


def _jwk(key: Any, kid: str = "k1", **more: str) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.ECAlgorithm
        if isinstance(key, ec.EllipticCurvePrivateKey)
        else jwt.algorithms.RSAAlgorithm
    )
    return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"} | more


def _token(
    key: Any = KEY, header: dict[str, Any] | None = None, algorithm: str = "ES256", **claims: Any
) -> str:
    moment = int(NOW.timestamp())
    body = {
        "iss": WANTED.issuer, "aud": WANTED.client_id, "sub": "zhang", "nonce": WANTED.nonce, "iat": moment, "exp": moment + 300,
        "at_hash": id_tokens.half_hash("access", "ES256"),
    } | claims  # fmt: skip
    kept = {name: value for name, value in body.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": "k1"} | (header or {}))


def _subject(token: str, keys: list[dict[str, Any]] | None = None) -> str:
    return id_tokens.subject(token, {"keys": [_jwk(KEY)] if keys is None else keys}, WANTED, NOW)


def test_a_good_id_token_names_its_subject() -> None:
    assert _subject(_token()) == "zhang"
    assert _subject(_token(at_hash=None)) == "zhang"
    assert _subject(_token(exp=int(NOW.timestamp()) - 29)) == "zhang"
    assert [_subject(_token(header={"typ": typ})) for typ in ("JWT", "jwt")] == ["zhang", "zhang"]
    assert _subject(_token(aud=["datagrant", "other"], azp="datagrant")) == "zhang"
    strong = rsa.generate_private_key(65537, 2048)
    assert _subject(_token(strong, algorithm="RS256", at_hash=None), [_jwk(strong)]) == "zhang"


_AT = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://id.example/"}, "iss"), ({"iss": "https://id.example.evil"}, "iss"), ({"iss": None}, "iss"),
        ({"aud": "other"}, "aud"), ({"aud": None}, "aud"), ({"aud": []}, "aud"), ({"aud": ["datagrant", 7]}, "aud"),
        ({"aud": ["datagrant", "other"]}, "azp"), ({"azp": "other"}, "azp"),
        ({"exp": _AT - 30}, "expired"), ({"exp": None}, "exp"), ({"exp": "9999999999"}, "exp"), ({"exp": True}, "exp"),
        ({"iat": _AT - 601}, "another time"), ({"iat": _AT + 31}, "another time"), ({"iat": None}, "iat"),
        ({"nbf": _AT + 31}, "not valid yet"), ({"nbf": "x"}, "not valid yet"),
        ({"nonce": "nonce-2"}, "nonce"), ({"nonce": None}, "nonce"), ({"nonce": 7}, "nonce"),
        ({"at_hash": "x"}, "at_hash"), ({"sub": None}, "sub"), ({"sub": ""}, "sub"), ({"sub": 7}, "sub"), ({"sub": "a" * 256}, "sub"), ({"sub": "a\nb"}, "sub"),
    ],
)  # fmt: skip
def test_claims_that_do_not_fit_sign_nobody_in(claims: dict[str, Any], why: str) -> None:
    token = _token(**claims)
    with pytest.raises(BadToken, match=why):
        _subject(token)


def _spelled(header: dict[str, Any], signature: str = "") -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    body = {
        "iss": WANTED.issuer,
        "aud": "datagrant",
        "sub": "zhang",
        "nonce": "nonce-1",
        "iat": _AT,
        "exp": _AT + 60,
    }
    return f"{part(header)}.{part(body)}.{signature or 'AAAA'}"


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "HS256", "RS256", "ES384", "EdDSA", "", None, 7]
)
def test_other_algorithms_than_the_keys_are_refused(alg: Any) -> None:
    with pytest.raises(BadToken):
        _subject(_spelled({"alg": alg, "kid": "k1"}))


@pytest.mark.parametrize(
    "extra",
    [{"jku": "https://evil.example/jwks"}, {"jwk": {}}, {"x5u": "x"}, {"x5c": []}, {"crit": ["b64"]}, {"typ": "at+jwt"}, {"typ": "logout+jwt"}],
)  # fmt: skip
def test_headers_that_bring_keys_or_are_of_another_kind_are_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(BadToken):
        _subject(_spelled({"alg": "ES256", "kid": "k1"} | extra))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_keys_that_are_unknown_double_secret_weak_or_for_encryption_are_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it must be refused
    for keys, token in (
        ([], _token()),
        ([_jwk(OTHER)], _token()),
        ([_jwk(KEY), _jwk(OTHER)], _token()),
        ([_jwk(KEY, "k2")], _token()),
        ([_jwk(KEY, use="enc")], _token()),
        ([_jwk(KEY, d="AAAA")], _token()),
        ([_jwk(KEY, alg="ES384")], _token()),
        ([{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}], _token("secret" * 8, algorithm="HS256")),
        ([_jwk(weak)], _token(weak, algorithm="RS256")),
    ):
        with pytest.raises(BadToken):
            _subject(token, keys)
    with pytest.raises(BadToken):
        id_tokens.subject(_token(), {"keys": "all"}, WANTED, NOW)


@pytest.mark.parametrize(("modulus", "why"), [(65537**128, "CVE-2017-15361"), (65537**127, "too short")])
def test_an_rsa_key_of_a_faulty_generator_or_too_short_is_no_key(modulus: int, why: str) -> None:
    """A power of 65537 bears the mark at every prime; the 128th has 2,049 bits."""
    key = rsa.RSAPublicNumbers(65537, modulus).public_key()
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key))
    with pytest.raises(BadToken, match=why):
        id_tokens.public_key(jwk, "RS256")


# -- the way to the provider


def _with(house: House, **changes: Any) -> House:
    return replace(house, settings=house.settings.model_copy(update={"oidc_client_id": "x"} | changes))


def test_a_private_provider_is_not_asked_unless_the_administrator_lists_it(
    sqlite_house: House, provider: str
) -> None:
    oidc._known.clear()
    with pytest.raises(InputRefused, match=r"127\.0\.0\.1"):
        oidc.discover(_with(sqlite_house, oidc_issuer=provider))
    assert (
        oidc.discover(_with(sqlite_house, oidc_issuer=provider, oidc_allow="127.0.0.0/8")).issuer == provider
    )
    for issuer in ("http://169.254.169.254", "http://[::ffff:127.0.0.1]:1", "http://2130706433:1"):
        with pytest.raises((InputRefused, Unavailable)):
            oidc.discover(_with(sqlite_house, oidc_issuer=issuer))


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"}, {"token_endpoint": "http://inside.example/token"}, {"jwks_uri": None}, {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "https://user@id.example/a"}, {"token_endpoint": "https://id.example/t#x"},
    ],
)  # fmt: skip
def test_a_discovery_document_that_leads_elsewhere_is_refused(
    sqlite_house: House, change: dict[str, Any]
) -> None:
    issuer = "https://id.example"
    body = {"issuer": issuer} | {
        f"{name}": f"{issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    }
    house = _with(sqlite_house, oidc_issuer=issuer)
    oidc._known[f"{issuer}/.well-known/openid-configuration"] = (house.clock(), body | change)
    with pytest.raises(Unavailable):
        oidc.discover(house)


def test_without_a_provider_there_is_no_such_way(sqlite_house: House) -> None:
    browser = new_browser(sqlite_house)
    assert browser.get("/sign-in/oidc").status_code == 404
    assert "/sign-in/oidc" not in browser.get("/sign-in").text
    with pytest.raises(NotSignedIn):
        oidc.finish(_with(sqlite_house, oidc_issuer="https://id.example"), "", {"state": "", "code": "x"})
    assert re.fullmatch(r"[0-9a-f]{64}", oidc._derived("seed", "verifier"))
