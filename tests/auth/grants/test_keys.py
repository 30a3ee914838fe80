"""A key bound to a grant reaches that grant and nothing else, from its networks alone; a client proves itself once per assertion."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from sqlmodel import col, select

from api.house import House
from auth import audit
from auth.grants import keys
from auth.grants.keys import GRANT_SCOPES, GrantKeyCreate
from auth.grants.reading import GrantRead
from auth.identity import assertions
from auth.identity.api_keys import ApiKeyMade
from auth.identity.id_tokens import LEEWAY_S
from auth.identity.tables import ApiKeyRow, AssertionRow
from auth.identity.tokens import BadToken
from core.errors import AccessRefused, Conflict, InputRefused, NotFound
from core.ids import GrantId
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, a_grant
from tests.people import app_of

NOTHING = GrantId("00000000-0000-7000-8000-000000000000")


pytestmark = pytest.mark.filterwarnings(
    "ignore:EdDSA is deprecated"
)  # the name that RFC 8037 gives; clients still use it


@pytest.fixture
def desk(sqlite_house: House) -> Desk:
    return a_desk(sqlite_house)


def _made(desk: Desk, grant: GrantRead, who: str = "analyst", **ask: Any) -> ApiKeyMade:
    with desk.write(who) as (work, actor):
        return keys.create(work, actor, grant.id, GrantKeyCreate.model_validate({"name": "nightly", **ask}))


def _client(desk: Desk, address: str = "203.0.113.7") -> TestClient:
    return TestClient(
        app_of(desk.house), client=(address, 1), follow_redirects=False, raise_server_exceptions=False
    )


def _get(client: TestClient, path: str, proof: str) -> Any:
    return client.get(path, headers={"authorization": f"Bearer {proof}"})


def _kinds(desk: Desk, kind: str) -> list[str]:
    with desk.house.read() as work:
        return list(work.db.exec(select(audit.AuditEventRow.subject).where(audit.AuditEventRow.kind == kind)))


def test_bound_key_sees_its_grant_and_no_other(house: House) -> None:
    desk = a_desk(house)
    bound, other = a_grant(desk), a_grant(desk, scenario_id="weather")
    made = _made(desk, bound)
    client = _client(desk)
    assert [each["id"] for each in _get(client, "/api/v1/grants", made.key).json()["items"]] == [bound.id]
    for path in ("", "/odrl", "/history", "/usage", "/views"):
        assert _get(client, f"/api/v1/grants/{bound.id}{path}", made.key).status_code == 200, path
        hidden, nothing = (
            _get(client, f"/api/v1/grants/{id_}{path}", made.key) for id_ in (other.id, NOTHING)
        )
        assert hidden.status_code == nothing.status_code == 404, path
    headers = {"authorization": f"Bearer {made.key}"}
    body = {
        "grant_id": other.id,
        "purpose": "risk-pricing",
        "scenario_id": "weather",
        "form": "extract_parquet",
    }
    assert client.post("/api/v1/extracts/plan", json=body, headers=headers).status_code == 404
    for path in (
        "/api/v1/applications",
        "/api/v1/me/sessions",
        "/api/v1/organisations",
        f"/api/v1/grants/{bound.id}/keys",
    ):
        assert _get(client, path, made.key).status_code == 403, path
    assert _get(client, "/api/v1/me/api-keys", made.key).json()["total"] == 1
    for refused in (
        client.post("/api/v1/me/api-keys", json={"name": "more"}, headers=headers),
        client.post(f"/api/v1/grants/{bound.id}/keys", json={"name": "more"}, headers=headers),
        client.post(f"/api/v1/grants/{bound.id}/profile", json={}, headers=headers),
    ):
        assert refused.status_code == 403


def test_key_works_from_its_networks_alone_and_elsewhere_is_written_down_once(desk: Desk) -> None:
    grant = a_grant(desk)
    made = _made(desk, grant, networks=["203.0.113.0/24", "2001:db8::1"])
    assert made.networks == ["203.0.113.0/24", "2001:db8::1/128"]
    path = f"/api/v1/grants/{grant.id}"
    for address in ("203.0.113.7", "::ffff:203.0.113.200", "2001:db8::1"):
        assert _get(_client(desk, address), path, made.key).status_code == 200, address
    for address in ("203.0.114.7", "2001:db8::2", "testclient", ""):
        answer = _get(_client(desk, address), path, made.key)
        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (403, "address-not-allowed"), (
            address
        )
    assert _kinds(desk, "api_key.refused_elsewhere") == [made.id]
    wrong = f"{made.key[:-1]}{'a' if made.key[-1] != 'a' else 'b'}"
    assert (
        _get(_client(desk, "198.51.100.1"), path, wrong).status_code == 401
    )  # a wrong secret learns nothing of networks


def test_key_ends_with_the_grant_and_is_ended_by_those_who_answer_for_it(
    desk: Desk, clock: TestClock
) -> None:
    grant = a_grant(desk, ends_on="2026-04-01")
    made, second = _made(desk, grant, days=180), _made(desk, grant)
    assert made.expires_at == grant.ends_at
    path = f"/api/v1/grants/{grant.id}"
    for who in ("applicant2", "officer2", "roads_screener"):
        with pytest.raises(NotFound), desk.write(who) as (work, actor):
            keys.revoke(work, actor, grant.id, made.id)
    with pytest.raises(NotFound), desk.write("applicant") as (work, actor):
        keys.revoke(work, actor, grant.id, made.id)
    with desk.write("officer") as (work, actor):
        keys.revoke(work, actor, grant.id, made.id)
        assert {key.id for key in keys.listed(work, actor, grant.id)} == {made.id, second.id}
    assert _get(_client(desk), path, made.key).status_code == 401
    with desk.write("watch") as (work, actor):
        keys.revoke(work, actor, grant.id, second.id)
    assert _get(_client(desk), path, second.key).status_code == 401
    for late in (timedelta(), timedelta(seconds=1)):
        clock.now = grant.ends_at + late
        with pytest.raises(Conflict, match="has ended"), desk.write("analyst") as (work, actor):
            keys.create(work, actor, grant.id, GrantKeyCreate(name="late"))


@pytest.mark.parametrize("who", ["officer", "applicant", "screener", "watch", "auditor"])
def test_only_an_analyst_of_the_holder_makes_keys(desk: Desk, who: str) -> None:
    grant = a_grant(desk)
    with pytest.raises(AccessRefused), desk.write(who) as (work, actor):
        keys.create(work, actor, grant.id, GrantKeyCreate(name="x"))


@pytest.mark.parametrize(
    "ask",
    [
        {"scopes": ["auth:user:admin"]}, {"scopes": ["auth:application:read"]}, {"networks": ["nowhere"]},
        {"networks": ["10.0.0.0/33"]}, {"networks": [f"10.0.0.{n}" for n in range(21)]}, {"jwks": "{}"},
    ],
)  # fmt: skip
def test_key_that_would_be_too_wide_is_refused(desk: Desk, ask: dict[str, Any]) -> None:
    grant = a_grant(desk)
    with pytest.raises(InputRefused):
        _made(desk, grant, **ask)


PAIRS = {
    "EdDSA": OKPKey.generate_key("Ed25519", {"kid": "one", "use": "sig"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "two"}),
    "RS256": RSAKey.generate_key(2048, {"kid": "three"}),
}


def _public(*names: str) -> str:
    return json.dumps(KeySet([PAIRS[name] for name in names]).as_dict(private=False))


def _asks(client: TestClient, assertion: str, **more: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": assertions.TYPE,
        "client_assertion": assertion,
    }
    return client.post("/oauth/token", data=form | more)


def _signed(desk: Desk, client_id: str, alg: str = "EdDSA", audience: str = "", **claims: Any) -> str:
    endpoint = audience or desk.house.settings.public_url.rstrip("/") + "/oauth/token"
    at = int(desk.house.clock().timestamp())
    ends = claims.pop("exp", at + 60)
    body = {"jti": secrets.token_hex(8), "iat": at, "exp": ends} | claims
    return str(private_key_jwt_sign(
        PAIRS[alg], client_id, endpoint, alg=alg, claims=body, header={"kid": PAIRS[alg].kid}, issued_at=at, expires_at=ends,
    ))  # fmt: skip


@pytest.mark.parametrize("alg", list(PAIRS))
def test_client_gets_a_short_token_for_its_grant_with_an_ordinary_library(desk: Desk, alg: str) -> None:
    grant = a_grant(desk)
    made = _made(desk, grant, jwks=_public(*PAIRS), networks=["203.0.113.0/24"])
    assert (made.key, made.kids) == ("", ["one", "two", "three"])
    client = _client(desk)
    said = client.get("/.well-known/oauth-authorization-server").json()
    assert PrivateKeyJWT.name in said["token_endpoint_auth_methods_supported"]
    answer = _asks(client, _signed(desk, made.id, alg))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["access_token"]
    assert answer.json()["scope"].split() == sorted(GRANT_SCOPES)
    assert [each["id"] for each in _get(client, "/api/v1/grants", token).json()["items"]] == [grant.id]
    assert _get(_client(desk, "198.51.100.1"), "/api/v1/grants", token).status_code == 403
    assert _get(client, "/api/v1/applications", token).status_code == 403
    with desk.write("analyst") as (work, actor):
        keys.revoke(work, actor, grant.id, made.id)
    assert _get(client, "/api/v1/grants", token).status_code == 401
    assert _asks(client, _signed(desk, made.id)).json()["error"] == "invalid_client"


def test_an_assertion_counts_once_and_a_replay_is_written_down(house: House, clock: TestClock) -> None:
    desk = a_desk(house)
    made = _made(desk, a_grant(desk), jwks=_public("EdDSA"))
    client, assertion = _client(desk), _signed(desk, made.id)
    assert _asks(client, assertion).status_code == 200
    again = _asks(client, assertion)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    assert "jti" in again.json()["error_description"]
    assert _kinds(desk, "api_key.assertion_replayed") == [made.id]
    clock.now += timedelta(hours=2)
    assert _asks(client, assertion).status_code == 401  # ended by itself
    assert _asks(client, _signed(desk, made.id)).status_code == 200
    with desk.house.read() as work:  # what ended is forgotten
        assert len(work.db.exec(select(AssertionRow)).all()) == 1


def test_assertion_of_another_client_key_or_audience_is_refused(desk: Desk) -> None:
    grant = a_grant(desk)
    made, other = _made(desk, grant, jwks=_public("EdDSA")), _made(desk, grant, jwks=_public("ES256"))
    at = int(desk.house.clock().timestamp())
    plain = _made(desk, grant)
    bad = {
        "key of another client": _signed(desk, made.id, "ES256"),
        "another client": _signed(desk, other.id),
        "a key with a secret": _signed(desk, plain.id),
        "nobody": _signed(desk, "0" * 16),
        "another audience": _signed(desk, made.id, audience="https://elsewhere.example/oauth/token"),
        "prefix of the audience": _signed(desk, made.id, audience=desk.house.settings.public_url + ".evil.example"),
        "too long": _signed(desk, made.id, exp=at + 7200),
        "ended": _signed(desk, made.id, exp=at - 60),
        "no jti": _signed(desk, made.id, jti=""),
        "jti is no text": _signed(desk, made.id, jti=5),
        "not yet": _signed(desk, made.id, nbf=at + 600),
        "iss": _signed(desk, made.id, iss=other.id),
        "no JWT": "a.b.c",
    }  # fmt: skip
    client = _client(desk)
    for what, assertion in bad.items():
        answer = _asks(client, assertion)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), (what, answer.text)
    good = _signed(desk, made.id)
    assert _asks(client, good, client_id=other.id).status_code == 401
    assert _asks(client, good, scope="auth:user:admin").json()["error"] == "invalid_scope"
    assert _asks(client, good, grant_type="password").json()["error"] == "unsupported_grant_type"
    assert _asks(client, good, scope="auth:grant:read").status_code == 200


def test_token_for_a_client_does_not_open_a_session_key_and_signing_out_everywhere_ends_it(
    desk: Desk,
) -> None:
    from auth.identity import sessions

    made = _made(desk, a_grant(desk), jwks=_public("EdDSA"))
    client = _client(desk)
    token = _asks(client, _signed(desk, made.id)).json()["access_token"]
    assert client.get("/api/v1/me", headers={"authorization": f"Bearer {token}"}).json()["via"] == "api_key"
    secret = f"pda_{made.id}_{'A' * 43}"
    assert _get(client, "/api/v1/me", secret).status_code == 401
    with desk.write("analyst") as (work, actor):
        sessions.end_all(work, actor, actor.account_id)
    assert _get(client, "/api/v1/me", token).status_code == 401


@pytest.mark.parametrize(
    "words",
    [
        "", "[]", "{", '{"keys": []}', '{"keys": 5}', '{"keys": [5]}', '{"keys": [{}]}', '{"keys": [], "keys": []}',
        json.dumps(KeySet([PAIRS["EdDSA"]]).as_dict(private=True)),
        json.dumps({"keys": [{"kty": "oct", "kid": "x", "k": "AAAA"}]}),
        json.dumps({"keys": [{**PAIRS["EdDSA"].as_dict(private=False), "kid": ""}]}),
        json.dumps({"keys": [PAIRS["EdDSA"].as_dict(private=False)] * 2}),
        json.dumps({"keys": [{**PAIRS["EdDSA"].as_dict(private=False), "kid": str(n)} for n in range(6)]}),
        json.dumps({"keys": [{**PAIRS["EdDSA"].as_dict(private=False), "x": "AAAA"}]}),
        json.dumps({"keys": [{**PAIRS["EdDSA"].as_dict(private=False), "alg": "none"}]}),
        json.dumps({"keys": [{**PAIRS["EdDSA"].as_dict(private=False), "use": "enc"}]}),
        json.dumps({"keys": [{"kty": "EC", "crv": "secp256k1", "kid": "x", "x": "AAAA", "y": "AAAA"}]}),
        json.dumps({"keys": [{"kty": "RSA", "kid": "short", "e": "AQAB", "n": "_" * 171}]}),
        '{"keys": ' + "[" * 20_000,
    ],
)  # fmt: skip
def test_key_set_that_cannot_be_trusted_is_refused(words: str) -> None:
    with pytest.raises(InputRefused):
        assertions.key_set(words)


@pytest.mark.parametrize(("length", "stands"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_kid_has_1_to_100_characters(length: int, *, stands: bool) -> None:
    words = json.dumps({"keys": [PAIRS["EdDSA"].as_dict(private=False) | {"kid": "k" * length}]})
    if stands:
        assert json.loads(assertions.key_set(words))["keys"][0]["kid"] == "k" * length
    else:
        with pytest.raises(InputRefused, match="1 to 100"):
            assertions.key_set(words)


def test_key_set_keeps_only_what_checks_a_signature() -> None:
    extra = {
        **PAIRS["EdDSA"].as_dict(private=False),
        "x5u": "https://evil.example",
        "jku": "https://evil.example",
    }
    assert set(json.loads(assertions.key_set(json.dumps({"keys": [extra]})))["keys"][0]) <= {
        "kty",
        "crv",
        "x",
        "kid",
        "use",
    }
    with pytest.raises(BadToken):
        assertions.client_of("e30.e30.e30")


def test_the_page_makes_shows_once_and_ends(desk: Desk) -> None:
    from tests.people import browser_as

    grant = a_grant(desk)
    browser = browser_as(desk.house, "analyst")
    path = f"/grants/{grant.id}/keys"
    form = {
        "csrf": browser.csrf,
        "name": "夜间取数",
        "days": "30",
        "networks": "203.0.113.0/24, 198.51.100.7",
    }
    shown = browser.post(path, data=form)
    assert shown.status_code == 200
    with desk.house.read() as work:
        row = work.db.exec(select(ApiKeyRow).where(col(ApiKeyRow.grant_id) == grant.id)).one()
    assert f"pda_{row.id}_" in shown.text
    assert f"pda_{row.id}_" not in browser.get(path).text
    kept = browser.post(path, data=form | {"days": "999", "jwks": "{"})
    assert kept.status_code == 422
    assert "203.0.113.0/24, 198.51.100.7" in kept.text
    wrong = browser.post(path, data=form | {"jwks": '{"keys": []}'})
    assert wrong.status_code == 422
    assert "JWKS" in wrong.text
    made = browser.post(path, data=form | {"jwks": _public("EdDSA")})
    assert "/oauth/token" in made.text
    browser.post(f"{path}/{row.id}/revoke", data={"csrf": browser.csrf})
    with desk.house.read() as work:
        assert work.db.get_one(ApiKeyRow, row.id).revoked_at is not None


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "other"}, "iss or sub"),
        ({"sub": "other"}, "iss or sub"),
        ({"aud": ["token", "token"]}, "aud"),
        ({"aud": "elsewhere"}, "aud"),
        ({"exp": "soon"}, "exp is not a whole number"),
        ({"iat": 1.5}, "iat is not a whole number"),
        ({"nbf": True}, "nbf is not a whole number"),
        ({"exp": -31}, "expired"),
        ({"exp": 10**6}, None),
        ({"iat": 10**6}, None),
        ({"nbf": 10**6}, None),
        ({"jti": ""}, None),
    ],
)
def test_an_assertion_is_refused_for_the_first_thing_wrong(claims: dict[str, Any], why: str | None) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    moment = int(now.timestamp())
    body: dict[str, Any] = {
        "iss": "c",
        "sub": "c",
        "aud": "token",
        "exp": 60,
        "iat": 0,
        "jti": "one",
        **claims,
    }
    for name in ("exp", "iat", "nbf"):
        if type(body.get(name)) is int:
            body[name] += moment
    key = PAIRS["EdDSA"]
    words = jwt.encode({"alg": "EdDSA", "kid": key.kid}, body, key, algorithms=["EdDSA"])
    with pytest.raises(BadToken, match=why):
        assertions.read(words, {"keys": [key.as_dict(private=False)]}, "c", ["token"], now)


def test_an_assertion_of_endless_length_is_not_parsed() -> None:
    with pytest.raises(BadToken, match="too long"):
        assertions.read(
            "e" * (assertions.MAX_BYTES + 1), {"keys": []}, "c", ["token"], datetime(2026, 3, 2, tzinfo=UTC)
        )


@pytest.mark.parametrize(
    ("claims", "is_taken"),
    [
        ({}, True),
        ({"exp": 1 - LEEWAY_S}, True),
        ({"exp": -LEEWAY_S}, False),
        ({"exp": assertions.MAX_LIFE_S}, True),
        ({"exp": assertions.MAX_LIFE_S + 1}, False),
        ({"iat": LEEWAY_S}, True),
        ({"iat": LEEWAY_S + 1}, False),
        ({"nbf": LEEWAY_S}, True),
        ({"nbf": LEEWAY_S + 1}, False),
        ({"aud": ["token"]}, True),
        ({"aud": []}, False),
        ({"aud": ["token", "other"]}, False),
        ({"jti": "j"}, True),
        ({"jti": "j" * 200}, True),
        ({"jti": "j" * 201}, False),
        ({"jti": 7}, False),
    ],
)
def test_an_assertion_counts_to_the_second_and_to_the_letter(claims: dict[str, Any], is_taken: bool) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    body: dict[str, Any] = {"iss": "c", "sub": "c", "aud": "token", "exp": 60, "jti": "one", **claims}
    for name in {"exp", "iat", "nbf"} & body.keys():
        body[name] += int(now.timestamp())
    key = PAIRS["EdDSA"]
    words = jwt.encode({"alg": "EdDSA", "kid": key.kid}, body, key, algorithms=["EdDSA"])
    known = {"keys": [key.as_dict(private=False)]}
    if not is_taken:
        with pytest.raises(BadToken):
            assertions.read(words, known, "c", ["token"], now)
        return
    read = assertions.read(words, known, "c", ["token"], now)
    assert read.expires_at == datetime.fromtimestamp(body["exp"] + LEEWAY_S, UTC)
    assert len(read.token) == 64
