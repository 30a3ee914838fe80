"""A refresh token counts for the program that it was given to, and ends where another one brings it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from sqlmodel import select
from typer.testing import CliRunner

from api.cli.token import app as cli
from api.house import House
from auth.audit import AuditEventRow
from tests.conftest import TestClock
from tests.people import PASSWORD, a_person, an_org, browser_as, client_as

ENDS = {name: f"http://127.0.0.1:8000/api/v1/auth/{name}" for name in ("token", "refresh")}
Key = Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _jwk(key: Key) -> dict[str, str]:
    if isinstance(key, Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": _part(key.public_key().public_bytes_raw())}
    at = key.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": _part(at.x.to_bytes(32, "big")),
        "y": _part(at.y.to_bytes(32, "big")),
    }


def _proof(
    key: Key, end: str, now: datetime, jti: str, head: dict[str, Any] | None = None, **body: object
) -> str:
    """A proof of possession, written by hand: not by the code that is tested."""
    alg = "EdDSA" if isinstance(key, Ed25519PrivateKey) else "ES256"
    first = {"typ": "dpop+jwt", "alg": alg, "jwk": _jwk(key)} | (head or {})
    said = {"htm": "POST", "htu": ENDS[end], "iat": int(now.timestamp()), "jti": jti} | body
    text = ".".join(_part(json.dumps(each).encode()) for each in (first, said))
    if isinstance(key, Ed25519PrivateKey):
        return f"{text}.{_part(key.sign(text.encode()))}"
    r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{_part(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


class Program:
    """What signs in with a password and renews: with a name, with a key, or with neither."""

    def __init__(self, house: House, clock: TestClock, name: str = "", key: Key | None = None) -> None:
        self.visitor, self.clock, self.name, self.key, self.sent = client_as(house), clock, name, key, 0

    def _ask(self, end: str, body: dict[str, str], proof: str | None = None) -> Any:
        self.sent += 1
        if self.name:
            body = body | {"client_id": self.name}
        if proof is None and self.key is not None:
            proof = _proof(self.key, end, self.clock.now, f"{id(self)}-{self.sent}")
        return self.visitor.post(f"/api/v1/auth/{end}", json=body, headers={"DPoP": proof} if proof else {})

    def signs_in(self, proof: str | None = None) -> Any:
        return self._ask("token", {"username": "wang", "password": PASSWORD}, proof)

    def renews(self, token: str, proof: str | None = None) -> Any:
        return self._ask("refresh", {"refresh_token": token}, proof)


@pytest.fixture
def peopled(house: House) -> House:
    with house.write() as work:
        a_person(work, "wang", password=PASSWORD)
    return house


def _kinds(house: House) -> list[str]:
    with house.read() as work:
        kinds = work.db.exec(select(AuditEventRow.kind)).all()
    return sorted(kind for kind in kinds if kind.startswith("token."))


ED, EC, OTHER = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1()), Ed25519PrivateKey.generate()  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "thief"),
    [
        (("nightly", None), ("other", None)),
        (("nightly", None), ("", None)),
        (("", None), ("other", None)),
        (("nightly", ED), ("nightly", None)),
        (("nightly", ED), ("nightly", OTHER)),
        (("", EC), ("", ED)),
        (("", None), ("", OTHER)),
    ],
)
def test_a_token_brought_by_another_program_ends_its_family(
    peopled: House, clock: TestClock, owner: tuple[str, Key | None], thief: tuple[str, Key | None]
) -> None:
    own, other = Program(peopled, clock, *owner), Program(peopled, clock, *thief)
    first = own.signs_in().json()["refresh_token"]
    second = own.renews(first).json()["refresh_token"]
    assert other.renews(second).status_code == 401
    assert own.renews(second).status_code == 401
    assert _kinds(peopled) == ["token.elsewhere", "token.renewed", "token.started"]


@pytest.mark.parametrize("client", [("nightly", None), ("", ED), ("nightly", EC)])
def test_the_program_itself_goes_on(peopled: House, clock: TestClock, client: tuple[str, Key | None]) -> None:
    own = Program(peopled, clock, *client)
    token = own.signs_in().json()["refresh_token"]
    for _ in range(3):
        clock.forward(minutes=4)
        token = own.renews(token).json()["refresh_token"]
    retried = [own.renews(token).json()["refresh_token"] for _ in range(2)]
    assert retried[0] == retried[1]


def test_a_proof_counts_once_and_its_replay_is_written_down(peopled: House, clock: TestClock) -> None:
    """Whoever saw a request go by cannot send it again, not even in the ten seconds of a retry."""
    own = Program(peopled, clock, key=ED)
    first = own.signs_in().json()["refresh_token"]
    proof = _proof(ED, "refresh", clock.now, "seen")
    second = own.renews(first, proof).json()["refresh_token"]
    again = own.renews(first, proof)
    assert again.status_code == 401
    assert "DPoP" in again.json()["detail"]
    assert own.renews(second).status_code == 200
    assert _kinds(peopled) == ["token.proof_replayed", "token.renewed", "token.renewed", "token.started"]


def test_a_proof_of_signing_in_does_not_count_again_either(peopled: House, clock: TestClock) -> None:
    own = Program(peopled, clock, key=ED)
    proof = _proof(ED, "token", clock.now, "first")
    token = own.signs_in(proof).json()["refresh_token"]
    assert own.renews(token, _proof(ED, "refresh", clock.now, "first")).status_code == 401
    clock.forward(seconds=200)  # what is older than any proof may be is forgotten
    assert own.renews(token, _proof(ED, "refresh", clock.now, "first")).status_code == 200


BAD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another address": ({}, {"htu": "http://elsewhere.example/api/v1/auth/refresh"}),
    "the other route": ({}, {"htu": ENDS["token"]}),
    "another method": ({}, {"htm": "GET"}),
    "too old": ({}, {"iat": -61}),
    "from the future": ({}, {"iat": 61}),
    "no whole number": ({}, {"iat": "now"}),
    "no jti": ({}, {"jti": ""}),
    "an endless jti": ({}, {"jti": "x" * 201}),
    "another type": ({"typ": "at+jwt"}, {}),
    "no algorithm": ({"alg": "none"}, {}),
    "an algorithm of another key": ({"alg": "ES256"}, {}),
    "a key id beside the key": ({"kid": "1"}, {}),
    "a key that is none": ({"jwk": "x"}, {}),
    "a private key": ({"jwk": _jwk(ED) | {"d": _part(bytes(32))}}, {}),
    "another's public key": ({"jwk": _jwk(OTHER)}, {}),
    "a key of another kind": ({"jwk": {"kty": "oct", "k": "x"}}, {}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_proof_that_is_none_changes_nothing_and_says_why(
    peopled: House, clock: TestClock, name: str
) -> None:
    """A clock that goes wrong must not end the family: only a proof that holds can say that somebody else came."""
    own = Program(peopled, clock, key=ED)
    token = own.signs_in().json()["refresh_token"]
    head, body = BAD[name]
    if isinstance(body.get("iat"), int):
        body = body | {"iat": int(clock.now.timestamp()) + body["iat"]}
    jti = str(body.pop("jti", "bad")) if "jti" in body and (body := dict(body)) else "bad"
    answer = own.renews(token, _proof(ED, "refresh", clock.now, jti, head, **body))
    assert answer.status_code == 401, name
    assert "DPoP" in answer.json()["detail"]
    assert own.renews(token).status_code == 200
    assert own.renews("pdr_unknown", "not.a.proof").status_code == 401


def test_the_last_second_of_a_proof(peopled: House, clock: TestClock) -> None:
    own = Program(peopled, clock, key=ED)
    token = own.signs_in().json()["refresh_token"]
    for at, jti in ((-60, "early"), (60, "late")):
        moment = int(clock.now.timestamp()) + at
        answer = own.renews(token, _proof(ED, "refresh", clock.now, jti, iat=moment))
        token = answer.json()["refresh_token"]


def test_two_proofs_at_once_are_refused(peopled: House, clock: TestClock) -> None:
    own = Program(peopled, clock, key=ED)
    token = own.signs_in().json()["refresh_token"]
    twice = [("DPoP", _proof(ED, "refresh", clock.now, name)) for name in ("one", "two")]
    answer = own.visitor.post("/api/v1/auth/refresh", json={"refresh_token": token}, headers=twice)
    assert answer.status_code == 401
    assert own.renews(token).status_code == 200


def test_a_person_sees_the_programs_that_renew_for_him_and_ends_one(peopled: House, clock: TestClock) -> None:
    with peopled.write() as work:
        a_person(work, "li", password=PASSWORD)
    own = Program(peopled, clock, "nightly", ED)
    token = own.renews(own.signs_in().json()["refresh_token"]).json()["refresh_token"]
    Program(peopled, clock).signs_in()
    browser, stranger = browser_as(peopled, "wang"), browser_as(peopled, "li")
    listed = browser.get("/api/v1/me/programs").json()["items"]
    assert [(item["client"], bool(item["key"])) for item in listed] == [("", False), ("nightly", True)]
    assert stranger.get("/api/v1/me/programs").json()["items"] == []
    page = browser.get("/me").text
    assert "nightly" in page
    assert listed[1]["key"] in page
    family = listed[1]["id"]
    stranger.submit(f"/me/programs/{family}/end")
    assert own.renews(token).status_code == 200
    assert browser.submit(f"/me/programs/{family}/end").status_code == 303
    assert [item["client"] for item in browser.get("/api/v1/me/programs").json()["items"]] == [""]
    assert own.renews(token).status_code == 401


def test_the_command_line_makes_proofs_that_count(peopled: House, clock: TestClock, tmp_path: Path) -> None:
    run = CliRunner()
    assert run.invoke(cli, ["pair", str(tmp_path / "keys")]).exit_code == 0
    made = run.invoke(cli, ["proof", ENDS["token"], "--key", str(tmp_path / "keys" / "private.pem")])
    assert made.exit_code == 0, made.output
    proof = made.stdout.strip()
    body = json.loads(base64.urlsafe_b64decode(proof.split(".")[1] + "=="))
    clock.forward(seconds=body["iat"] - clock.now.timestamp())
    answer = Program(peopled, clock).signs_in(proof)
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == "Bearer"


def test_a_replayed_proof_beside_a_token_that_nobody_has_is_nobodys_deed(
    peopled: House, clock: TestClock
) -> None:
    own = Program(peopled, clock, key=ED)
    proof = _proof(ED, "refresh", clock.now, "seen")
    assert own.renews("pdr_unknown", proof).status_code == 401
    assert own.renews("pdr_unknown", proof).status_code == 401
    assert _kinds(peopled) == []


def test_ending_a_program_again_is_no_second_event(peopled: House, clock: TestClock) -> None:
    Program(peopled, clock, "nightly").signs_in()
    browser = browser_as(peopled, "wang")
    (family,) = [item["id"] for item in browser.get("/api/v1/me/programs").json()["items"]]
    for _ in range(2):
        assert browser.submit(f"/me/programs/{family}/end").status_code == 303
    assert _kinds(peopled).count("token.revoked") == 1


def _told(house: House, who: str) -> list[tuple[str, str]]:
    found = client_as(house, who).get("/api/v1/me/messages").json()["items"]
    return [(each["kind"], each["en"]) for each in found if each["kind"].startswith("token.")]


@pytest.mark.parametrize("kind", ["token.elsewhere", "token.reused"])
def test_its_owner_and_the_security_officers_are_told_once(
    peopled: House, clock: TestClock, kind: str
) -> None:
    with peopled.write() as work:
        an_org(work, "bureau", "implementing_body")
        a_person(work, "watch", "bureau", ["security_officer"])
        a_person(work, "other", "bureau", ["auditor"])
    mine = Program(peopled, clock, "nightly")
    first = mine.signs_in().json()["refresh_token"]
    if kind == "token.reused":
        assert mine.renews(first).status_code == 200
        clock.forward(seconds=60)
        thief = mine
    else:
        thief = Program(peopled, clock, "copied")
    for _ in range(2):
        assert thief.renews(first).status_code == 401
    (own,) = _told(peopled, "wang")
    (watched,) = _told(peopled, "watch")
    assert (own[0], watched[0]) == (kind, f"{kind}_of")
    assert "“nightly”" in own[1]
    assert "wang" in watched[1]
    assert ("“copied”" in own[1]) is (kind == "token.elsewhere")
    assert _told(peopled, "other") == []


def test_where_a_key_is_demanded_there_is_no_token_without(peopled: House, clock: TestClock) -> None:
    bare, keyed = Program(peopled, clock, "old"), Program(peopled, clock, "new", Ed25519PrivateKey.generate())
    before = bare.signs_in().json()["refresh_token"]
    demanding = replace(peopled, settings=peopled.settings.model_copy(update={"tokens_need_key": True}))
    bare.visitor = keyed.visitor = client_as(demanding)
    refused = bare.signs_in()
    assert (refused.status_code, [each["code"] for each in refused.json()["reasons"]]) == (
        403,
        ["token-needs-key"],
    )
    assert bare.renews(before).json()["reasons"][0]["code"] == "token-needs-key"
    token = keyed.signs_in().json()["refresh_token"]
    assert keyed.renews(token).status_code == 200
    bare.visitor = client_as(peopled)
    assert bare.renews(before).status_code == 200, "trying in vain revoked nothing"
