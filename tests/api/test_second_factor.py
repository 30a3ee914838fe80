"""The second factor at the edge: at sign-in, afresh before decisions, on pages without losing what was typed, by command."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from api import qr
from api.house import House
from auth.applications.workflow import State
from auth.roles import FRESH_FACTOR
from tests.conftest import TestClock
from tests.desk import Desk, a_desk, an_application
from tests.people import (
    PASSWORD,
    a_person,
    actor_of,
    an_org,
    browser_as,
    client_as,
    code_of,
    confirm_all,
    enrolled,
    new_browser,
)


@pytest.fixture
def real(sqlite_house: House) -> House:
    """An installation that is no demo: deciding roles must have a second factor."""
    return replace(
        sqlite_house,
        settings=sqlite_house.settings.model_copy(update={"demo": False, "second_factor_roles": None}),
    )


def _desk(house: House) -> tuple[Desk, str]:
    desk = a_desk(house)
    return desk, an_application(desk, at=State.DECIDING).id


def _decision(client: object, key: str) -> tuple[str, dict[str, object]]:
    found = client.get(f"/api/v1/applications/{key}").json()  # type: ignore[attr-defined]
    lines = [
        {"line_id": line["id"], "outcome": "reject", "reason_code": "R05", "note": "not in this form"}
        for line in found["lines"]
    ]
    return f"/api/v1/applications/{key}/decide", {
        "version": found["version"],
        "lines": lines,
        "note": "no",
        "has_no_conflict": True,
    }


def _codes(answer: object) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]  # type: ignore[attr-defined]


def test_deciding_asks_for_a_factor_then_for_a_fresh_one(real: House, clock: TestClock) -> None:
    desk, key = _desk(real)
    approver = client_as(real, "approver")
    path, body = _decision(approver, key)
    refused = approver.post(path, json=body)
    assert refused.status_code == 403
    assert refused.json()["type"] == "/problems/second-factor-needed"
    assert _codes(refused) == ["second-factor-not-enrolled"]
    secret = enrolled(real, "approver").secret
    clock.forward(minutes=6)
    assert _codes(approver.post(path, json=body)) == ["second-factor-stale"]
    assert _codes(approver.post(path, json=body, headers={"X-OTP": "000000x"})) == ["second-factor-wrong"]
    code = code_of(secret, clock.now)
    refusals = approver.post(path, json=body | {"version": 1}, headers={"X-OTP": code})
    assert refusals.status_code == 412, refusals.text  # the code was taken; the body was not
    answered = approver.post(path, json=body)  # fresh by now; what comes is the matter itself
    assert "second-factor" not in answered.text
    clock.forward(minutes=5)
    assert _codes(approver.post(path, json=body, headers={"X-OTP": code})) == ["second-factor-wrong"]
    assert desk is not None


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("reviewer1", "post", "/api/v1/applications/x/screen"),
        ("reviewer2", "post", "/api/v1/applications/x/review"),
        ("checker", "post", "/api/v1/outputs/x/release"),
        ("steward1", "post", "/api/v1/grants/x/activate"),
        ("admin1", "post", "/api/v1/users"),
        ("watch1", "post", "/api/v1/break-glass"),
    ],
)
def test_a_role_that_decides_or_prepares_only_reads_until_a_factor_is_enrolled(
    real: House, clock: TestClock, who: str, method: str, path: str
) -> None:
    roles = {
        "reviewer1": "reviewer_business", "reviewer2": "reviewer_security", "checker": "output_checker",
        "steward1": "steward", "admin1": "sysadmin", "watch1": "security_officer",
    }  # fmt: skip
    with real.write() as work:
        an_org(work, "bureau", "implementing_body")
        a_person(work, who, "bureau", [roles[who]])
    client = client_as(real, who)
    assert client.get("/api/v1/me").status_code == 200
    refused = client.request(method, path, json={})
    assert (refused.status_code, _codes(refused)) == (403, ["second-factor-not-enrolled"])
    enrolled(real, who)
    assert "second-factor-not-enrolled" not in client.request(method, path, json={}).text
    clock.forward(minutes=6)
    stale = "second-factor-stale" in client.request(method, path, json={}).text
    assert stale == (who in ("checker", "watch1")), "what asks for a fresh one"


def test_what_another_role_permits_goes_on_without_a_factor(real: House) -> None:
    from api.second_factor import acts_unproven, is_to_enrol

    with real.write() as work:
        an_org(work, "insurer")
        a_person(work, "both", "insurer", ["org_officer", "applicant"])
        actor = actor_of(work, "both")
    assert acts_unproven(real, actor, "auth:application:accept")
    assert not acts_unproven(real, actor, "auth:application:write")
    assert not acts_unproven(real, actor, "auth:grant:read")
    assert is_to_enrol(real, actor)


def test_signing_in_leads_to_the_enrolment(real: House) -> None:
    with real.write() as work:
        an_org(work, "bureau", "implementing_body")
        a_person(work, "li", "bureau", ["steward"], password=PASSWORD)
    browser = new_browser(real)
    done = browser.post(
        "/sign-in", data={"username": "li", "password": PASSWORD, "next": "/batches"}, follow_redirects=False
    )
    assert done.headers["location"].split("?")[0] == "/me/second-factor"
    assert "until then they read" in browser.get("/me/second-factor").text


def test_a_demo_asks_nobody_but_who_has_enrolled(sqlite_house: House, clock: TestClock) -> None:
    _, key = _desk(sqlite_house)
    approver = client_as(sqlite_house, "approver")
    path, body = _decision(approver, key)
    assert "second-factor" not in approver.post(path, json=body | {"version": 1}).text
    enrolled(sqlite_house, "approver")
    clock.forward(minutes=6)
    assert _codes(approver.post(path, json=body)) == ["second-factor-stale"]


def test_settings_name_the_roles_that_must_have_one(real: House) -> None:
    from api.second_factor import due_roles
    from auth.roles import FACTOR_ROLES, Role

    def given(words: str) -> frozenset[Role]:
        return due_roles(
            replace(real, settings=real.settings.model_copy(update={"second_factor_roles": words}))
        )

    assert due_roles(real) == FACTOR_ROLES
    assert given("none") == frozenset()
    assert given(" auditor, sysadmin ") == {Role.AUDITOR, Role.SYSADMIN}
    with pytest.raises(ValueError, match="king"):
        given("king")


def test_a_page_asks_and_nothing_that_was_typed_is_lost(real: House, clock: TestClock) -> None:
    _, key = _desk(real)
    secret = enrolled(real, "approver").secret
    clock.forward(minutes=6)
    browser = browser_as(real, "approver", lang="en")
    note = 'two\nlines & "quotes" <b>'
    asked = browser.submit(f"/applications/{key}/decide", note=note, version="3", otp="")
    assert asked.status_code == 403
    assert "Enter your second factor" in asked.text
    assert 'name="version" value="3"' in asked.text
    assert "two\nlines &amp; &#34;quotes&#34; &lt;b&gt;</textarea>" in asked.text
    assert asked.text.count('name="otp"') == 1
    wrong = browser.submit(f"/applications/{key}/decide", note=note, version="3", otp="123")
    assert "wrong or was used already" in wrong.text
    assert 'name="version" value="3"' in wrong.text
    on = browser.submit(f"/applications/{key}/decide", note=note, version="3", otp=code_of(secret, clock.now))
    assert "Enter your second factor" not in on.text


def test_whoever_has_none_is_led_to_enrolment_by_the_page(real: House) -> None:
    _, key = _desk(real)
    asked = browser_as(real, "approver", lang="en").submit(f"/applications/{key}/decide", note="kept")
    assert 'href="/me/second-factor"' in asked.text
    assert 'value="kept"' in asked.text


def test_sign_in_asks_for_the_code_after_the_password(sqlite_house: House, clock: TestClock) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", "implementing_body")
        a_person(work, "li", "bureau", ["approver"], password=PASSWORD)
    secret = enrolled(sqlite_house, "li").secret
    clock.forward(minutes=1)
    browser = new_browser(sqlite_house)
    said = {"username": "li", "password": PASSWORD, "next": "/me"}
    half = browser.post("/sign-in", data=said, follow_redirects=False)
    assert half.headers["location"] == "/sign-in/code?next=/me"
    assert browser.get("/me", follow_redirects=False).headers["location"].startswith("/sign-in?")
    assert browser.get("/sign-in/code?next=/me").status_code == 200
    wrong = browser.post("/sign-in/code", data={"otp": "000", "next": "/me"}, follow_redirects=False)
    assert wrong.status_code == 403
    code = code_of(secret, clock.now)
    assert (
        browser.post(
            "/sign-in/code", data={"otp": code}, headers={"origin": "https://evil.example"}
        ).status_code
        == 403
    )
    done = browser.post("/sign-in/code", data={"otp": code, "next": "/me"}, follow_redirects=False)
    assert done.headers["location"] == "/me"
    assert browser.get("/me").status_code == 200
    over = new_browser(sqlite_house)
    over.post("/sign-in", data=said, follow_redirects=False)
    clock.forward(minutes=5)
    late = over.post("/sign-in/code", data={"otp": code_of(secret, clock.now)}, follow_redirects=False)
    assert late.headers["location"].startswith("/sign-in?")


def test_a_half_session_is_no_session_and_no_token_comes_without_the_code(
    sqlite_house: House, clock: TestClock
) -> None:
    from api.identity import HALF_COOKIE, SESSION_COOKIE

    with sqlite_house.write() as work:
        an_org(work, "bureau", "implementing_body")
        a_person(work, "li", "bureau", ["approver"], password=PASSWORD)
    secret = enrolled(sqlite_house, "li").secret
    clock.forward(minutes=1)
    browser = new_browser(sqlite_house)
    browser.post("/sign-in", data={"username": "li", "password": PASSWORD}, follow_redirects=False)
    half = next(cookie.value for cookie in browser.cookies.jar if cookie.name == HALF_COOKIE)
    stolen = client_as(sqlite_house).get("/api/v1/me", headers={"cookie": f"{SESSION_COOKIE}={half}"})
    assert stolen.status_code == 401
    visitor = client_as(sqlite_house)
    proof = {"username": "li", "password": PASSWORD}
    assert _codes(visitor.post("/api/v1/auth/token", json=proof)) == ["second-factor-wrong"]
    pair = visitor.post("/api/v1/auth/token", json=proof | {"otp": code_of(secret, clock.now)})
    assert pair.status_code == 200, pair.text


def test_enrolling_over_http_and_on_pages(sqlite_house: House, clock: TestClock) -> None:
    with sqlite_house.write() as work:
        an_org(work, "bureau", "implementing_body")
        a_person(work, "li", "bureau", ["approver"], password=PASSWORD)
        a_person(work, "sun", "bureau", ["approver"])
        a_person(work, "admin", "bureau", ["sysadmin"])
    li = client_as(sqlite_house, "li")
    assert li.post("/api/v1/me/second-factor/begin", json={"password": "wrong one"}).status_code == 422
    made = li.post("/api/v1/me/second-factor/begin", json={"password": PASSWORD}).json()
    assert made["uri"].startswith("otpauth://totp/Datagrant:li?")
    assert made["svg"].startswith("<svg ")
    answer = li.post("/api/v1/me/second-factor/confirm", json={"code": code_of(made["secret"], clock.now)})
    assert len(answer.json()["codes"]) == 10
    assert li.get("/api/v1/me/second-factor").json()["is_enrolled"]
    assert len(li.post("/api/v1/me/second-factor/codes").json()["codes"]) == 10

    browser = browser_as(sqlite_house, "sun", lang="en")
    assert browser.submit("/me/second-factor/begin").status_code == 303
    shown = browser.get("/me/second-factor").text
    assert "data:image/svg+xml;base64," in shown
    secret = re.search(r'id="totp-key"[^>]*>([A-Z2-7]{32})<', shown)
    assert secret
    wrong = browser.submit("/me/second-factor/confirm", code="000000x")
    assert wrong.status_code == 422
    codes = browser.submit("/me/second-factor/confirm", code=code_of(secret[1], clock.now))
    assert "Recovery codes are shown this once" in codes.text
    clock.forward(minutes=6)
    assert "Enter your second factor" in browser.submit("/me/second-factor/remove").text
    removed = browser.submit("/me/second-factor/remove", otp=code_of(secret[1], clock.now))
    assert removed.status_code == 303

    admin = browser_as(sqlite_house, "admin", lang="en")
    assert "Reset second factor" in admin.get("/admin/users/li").text
    assert admin.submit("/admin/users/li/second-factor/reset").status_code == 303
    assert li.get("/api/v1/me").status_code == 200  # one administrator alone changes nothing
    with sqlite_house.write() as work:
        a_person(work, "admin2", roles=["sysadmin"])
    confirm_all(sqlite_house, "admin2")
    assert li.get("/api/v1/me").status_code == 401  # every token of the account ended
    with sqlite_house.read() as work:
        assert actor_of(work, "li")
    assert client_as(sqlite_house, "admin").post("/api/v1/users/li/second-factor/reset").status_code == 404


def test_the_command_gives_the_code(real: House, clock: TestClock) -> None:
    """`--otp` travels as the header, in a local directory as over the network."""
    from api.client import Api, in_process

    _, key = _desk(real)
    secret = enrolled(real, "approver").secret
    clock.forward(minutes=6)
    with in_process(real) as client, client("approver") as http:
        http.headers["X-OTP"] = code_of(secret, clock.now)
        api = Api(http, None)
        path, body = _decision(http, key)
        assert api is not None
        answer = http.post(path, json=body | {"version": 1})
    assert answer.status_code == 412, answer.text


@pytest.mark.slow
def test_every_permission_that_asks_exists_and_its_routes_refuse_without(real: House) -> None:
    from api.app import create_app
    from tests.api.route_matrix import routes_of

    asking = [route for route in routes_of(create_app(house=real)) if route.access in FRESH_FACTOR]
    assert {route.access for route in asking} == set(FRESH_FACTOR)


def test_the_qr_code_is_drawn_here() -> None:
    drawn = qr.svg("otpauth://totp/Datagrant:li?secret=ABC")
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert drawn.count("M") > 200
