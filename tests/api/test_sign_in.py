"""Signing in over HTTP, as a person with a browser and as a program."""

from __future__ import annotations

import re

import pytest

from api.house import House
from api.identity import PER_ADDRESS, PER_NAME, SESSION_COOKIE, check_rate, sender_of
from auth.identity import passwords
from core.errors import TooMany
from core.settings import Settings
from tests.conftest import TestClock
from tests.people import PASSWORD, Browser, a_person, an_org, browser_as, client_as


@pytest.fixture
def peopled(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        an_org(work, "insurer")
        a_person(work, "wang", "insurer", ["applicant"], password=PASSWORD)
        a_person(work, "admin", roles=["sysadmin"])
    return sqlite_house


def _browser(house: House) -> Browser:
    from tests.people import app_of

    return Browser(app_of(house), headers={"accept": "text/html", "accept-language": "en"})


def _signs_in(browser: Browser, **fields: str) -> str:
    answer = browser.post("/sign-in", data=fields, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_person_signs_in_and_sees_own_page(peopled: House) -> None:
    browser = _browser(peopled)
    assert _signs_in(browser, username="wang", password=PASSWORD, next="/me") == "/me"
    answer = browser.get("/me")
    assert answer.status_code == 200
    assert "Wang" in answer.text
    cookie = next(cookie for cookie in browser.cookies.jar if cookie.name == SESSION_COOKIE)
    assert cookie.has_nonstandard_attr("HttpOnly")


def test_wrong_password_keeps_the_name_and_says_no_more(peopled: House) -> None:
    browser = _browser(peopled)
    wrong = browser.post("/sign-in", data={"username": "wang", "password": "not this one"})
    unknown = browser.post("/sign-in", data={"username": "nobody", "password": "not this one"})
    assert wrong.status_code == unknown.status_code == 401
    assert 'value="wang"' in wrong.text
    assert _said(wrong.text) == _said(unknown.text)


def _said(html: str) -> str:
    found = re.search(r'class="error-summary".*?</div>', html, re.S)
    assert found
    return found[0]


@pytest.mark.parametrize("name", ["wang", "nobody", "admin"])
def test_every_name_has_a_password_compared_whether_there_is_one_or_not(
    peopled: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What an unknown name costs is told by passwords alone; here, that signing in asks them: `admin` has no password, `nobody` no account."""
    compared = []

    class Counted:
        def verify(self, stored: str, password: str) -> bool:
            compared.append(stored)
            return stored == "never"

        def hash(self, _password: str) -> str:
            return "of nobody"

    monkeypatch.setattr(passwords, "_HASHER", Counted())
    browser, program = _browser(peopled), client_as(peopled)
    proof = {"username": name, "password": "not this one"}
    assert browser.post("/sign-in", data=proof).status_code == 401
    assert program.post("/api/v1/auth/token", json=proof).status_code == 401
    assert len(compared) == 2


def test_session_cannot_be_brought_along(peopled: House) -> None:
    browser = _browser(peopled)
    browser.cookies.set(SESSION_COOKIE, "chosen-by-somebody-else")
    _signs_in(browser, username="wang", password=PASSWORD)
    assert browser.cookies.get(SESSION_COOKIE, domain="testserver.local") != "chosen-by-somebody-else"
    assert (
        client_as(peopled)
        .get("/api/v1/me", headers={"cookie": f"{SESSION_COOKIE}=chosen-by-somebody-else"})
        .status_code
        == 401
    )


def test_dead_cookie_is_taken_back(peopled: House) -> None:
    answer = client_as(peopled).get("/sign-in", headers={"cookie": f"{SESSION_COOKIE}=dead"})
    assert answer.status_code == 200
    assert f"{SESSION_COOKIE}=; Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "wish",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil", "/a\nb"],
)
def test_sign_in_never_sends_people_elsewhere(peopled: House, wish: str) -> None:
    assert _signs_in(_browser(peopled), username="wang", password=PASSWORD, next=wish) == "/"


def test_sign_in_form_of_another_site_is_refused(peopled: House) -> None:
    answer = _browser(peopled).post(
        "/sign-in",
        data={"username": "wang", "password": PASSWORD},
        headers={"origin": "https://evil.example"},
    )
    assert answer.status_code == 403


def test_form_without_its_token_changes_nothing(peopled: House) -> None:
    browser = browser_as(peopled, "wang")
    answer = browser.post("/me/sign-out-everywhere", data={})
    assert answer.status_code == 403
    assert "anti-forgery" in answer.text or "防伪" in answer.text
    assert browser.get("/me").status_code == 200
    assert browser.submit("/me/sign-out-everywhere").status_code == 303
    assert browser.get("/me", follow_redirects=False).headers["location"].startswith("/sign-in?next=")


def test_signing_out_ends_the_session_itself(peopled: House) -> None:
    browser = browser_as(peopled, "wang")
    token = browser.cookies[SESSION_COOKIE]
    browser.submit("/sign-out")
    stolen = client_as(peopled).get("/api/v1/me", headers={"cookie": f"{SESSION_COOKIE}={token}"})
    assert stolen.status_code == 401


def test_five_wrong_passwords_lock_the_account_for_a_while(peopled: House, clock: TestClock) -> None:
    visitor = client_as(peopled)
    proof = {"username": "wang", "password": PASSWORD}
    for _ in range(Settings().lockout_failures):
        assert visitor.post("/api/v1/auth/token", json=proof | {"password": "wrong one"}).status_code == 401
    locked = visitor.post("/api/v1/auth/token", json=proof)
    assert locked.status_code == 401
    clock.forward(minutes=15)
    assert visitor.post("/api/v1/auth/token", json=proof).status_code == 200


def test_guessing_is_slowed_down(peopled: House) -> None:
    visitor = client_as(peopled)
    answers = [
        visitor.post("/api/v1/auth/token", json={"username": "wang", "password": ""}).status_code
        for _ in range(2)
    ]
    assert answers == [422, 422]

    for _ in range(PER_NAME.amount):
        check_rate(visitor.app, "10.0.0.9", "wang")  # type: ignore[arg-type]
    with pytest.raises(TooMany):
        check_rate(visitor.app, "10.0.0.9", "wang")  # type: ignore[arg-type]
    check_rate(visitor.app, "10.0.0.9", "li")  # type: ignore[arg-type]


def test_demo_accounts_are_listed_only_in_demo_mode(peopled: House) -> None:
    assert "<code>wang</code>" in client_as(peopled).get("/sign-in").text
    from dataclasses import replace

    real = replace(peopled, settings=peopled.settings.model_copy(update={"demo": False}))
    assert "<code>wang</code>" not in client_as(real).get("/sign-in").text


def test_program_swaps_refresh_tokens_and_reuse_ends_the_family(peopled: House, clock: TestClock) -> None:
    visitor = client_as(peopled)
    first = visitor.post("/api/v1/auth/token", json={"username": "wang", "password": PASSWORD}).json()
    assert _me(peopled, first["access_token"]) == 200

    second = visitor.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    retried = visitor.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    assert retried["refresh_token"] == second["refresh_token"]

    clock.forward(seconds=11)
    reused = visitor.post("/api/v1/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert reused.status_code == 401
    after = visitor.post("/api/v1/auth/refresh", json={"refresh_token": second["refresh_token"]})
    assert after.status_code == 401


def test_revoked_family_and_passed_end_refuse(peopled: House, clock: TestClock) -> None:
    visitor = client_as(peopled)
    proof = {"username": "wang", "password": PASSWORD}
    pair = visitor.post("/api/v1/auth/token", json=proof).json()
    assert (
        visitor.post("/api/v1/auth/revoke", json={"refresh_token": pair["refresh_token"]}).status_code == 204
    )
    assert visitor.post("/api/v1/auth/revoke", json={"refresh_token": "pdr_unknown"}).status_code == 204
    assert (
        visitor.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}).status_code == 401
    )

    other = visitor.post("/api/v1/auth/token", json=proof).json()
    clock.forward(hours=12)
    assert (
        visitor.post("/api/v1/auth/refresh", json={"refresh_token": other["refresh_token"]}).status_code
        == 401
    )


def test_access_token_lives_five_minutes(peopled: House, clock: TestClock) -> None:
    pair = (
        client_as(peopled).post("/api/v1/auth/token", json={"username": "wang", "password": PASSWORD}).json()
    )
    assert pair["expires_in"] == 300
    clock.forward(seconds=299)
    assert _me(peopled, pair["access_token"]) == 200
    clock.forward(seconds=1)
    assert _me(peopled, pair["access_token"]) == 401


def test_changing_the_password_ends_every_proof_at_once(peopled: House) -> None:
    visitor = client_as(peopled)
    pair = visitor.post("/api/v1/auth/token", json={"username": "wang", "password": PASSWORD}).json()
    browser = browser_as(peopled, "wang")
    bad = browser.submit(
        "/me/password", current="wrong guess", new="another-river-31", again="another-river-31"
    )
    assert bad.status_code == 422
    done = browser.submit("/me/password", current=PASSWORD, new="another-river-31", again="another-river-31")
    assert done.status_code == 303
    assert _me(peopled, pair["access_token"]) == 401
    assert (
        visitor.post("/api/v1/auth/refresh", json={"refresh_token": pair["refresh_token"]}).status_code == 401
    )
    assert (
        visitor.post(
            "/api/v1/auth/token", json={"username": "wang", "password": "another-river-31"}
        ).status_code
        == 200
    )


def test_key_set_is_public_and_has_no_private_part(peopled: House) -> None:
    visitor = client_as(peopled)
    for path in ("/.well-known/jwks.json", "/api/v1/.well-known/jwks.json"):
        keys = visitor.get(path).json()["keys"]
        assert len(keys) == 2
        assert all(set(key) == {"kty", "crv", "x", "kid", "use", "alg"} for key in keys)


def _me(house: House, token: str) -> int:
    return client_as(house).get("/api/v1/me", headers={"authorization": f"Bearer {token}"}).status_code


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("10.0.0.9", "10.0.0.9", True),
        ("10.0.0.9", "10.0.0.10", False),
        ("::ffff:10.0.0.9", "10.0.0.9", True),
        ("::ffff:10.0.0.9", "::ffff:10.0.0.10", False),
        ("testclient", "testclient", True),
        ("", "", True),
    ],
)
def test_a_limit_counts_a_line_of_ipv6_as_one_sender(one: str, other: str, same: bool) -> None:
    assert (sender_of(one) == sender_of(other)) is same


def test_a_guesser_gains_nothing_by_changing_his_address_within_his_network(sqlite_house: House) -> None:
    visitor = client_as(sqlite_house)
    for number in range(PER_ADDRESS.amount):
        check_rate(visitor.app, f"2001:db8:1:2::{number:x}", f"name-{number}")  # type: ignore[arg-type]
    with pytest.raises(TooMany):
        check_rate(visitor.app, "2001:db8:1:2:aaaa::1", "another")  # type: ignore[arg-type]
    check_rate(visitor.app, "2001:db8:1:3::1", "another")  # type: ignore[arg-type]
