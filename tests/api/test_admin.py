"""Administration: what administrators may do, what the rules forbid them, and that all of it is on record."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import select
from typer.testing import CliRunner, Result

from api.cli import _assemble
from api.house import House
from auth import audit
from auth.identity import accounts
from auth.identity.accounts import RoleGive
from auth.roles import Role
from core.errors import AccessRefused
from tests.conftest import TestClock
from tests.people import PASSWORD, a_person, actor_of, an_org, browser_as, client_as, confirm_all


@pytest.fixture
def peopled(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        an_org(work, "bureau", "implementing_body")
        an_org(work, "insurer")
        a_person(work, "admin", roles=["sysadmin"])
        a_person(work, "second", roles=["sysadmin"])
        a_person(work, "third", roles=["sysadmin"])
        a_person(work, "auditor", "bureau", ["auditor"])
        a_person(work, "wang", "insurer", ["applicant"])
    return sqlite_house


def test_administrator_opens_an_account_that_works_at_once(peopled: House) -> None:
    admin = client_as(peopled, "admin")
    body = {
        "username": "Zhao",
        "name_zh": "赵工",
        "name_en": "Zhao",
        "org_id": "insurer",
        "password": PASSWORD,
        "roles": ["analyst"],
    }
    made = admin.post("/api/v1/users", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["username"] == "zhao"
    assert made.json()["roles"] == []
    confirmed = confirm_all(peopled, "second")
    assert [(row["username"], row["scope"]) for row in confirmed] == [("zhao", "insurer")]
    assert admin.get("/api/v1/users/zhao").json()["roles"][0]["role"] == "analyst"
    pair = client_as(peopled).post("/api/v1/auth/token", json={"username": "zhao", "password": PASSWORD})
    assert pair.status_code == 200


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"username": "wang"}, 409), ({"username": "9lives"}, 422), ({"password": "short"}, 422), ({"password": "a" * 20}, 422),
        ({"org_id": "nowhere"}, 404), ({"roles": ["approver"]}, 403), ({"roles": ["king"]}, 422), ({"epoch": 7}, 422),
        ({"disabled": True}, 422),
    ],
)  # fmt: skip
def test_bad_accounts_are_refused_whole(peopled: House, change: dict[str, object], status: int) -> None:
    body = {
        "username": "zhao",
        "name_zh": "赵工",
        "name_en": "Zhao",
        "org_id": "insurer",
        "roles": ["analyst"],
    }
    answer = client_as(peopled, "admin").post("/api/v1/users", json=body | change)
    assert answer.status_code == status, answer.text
    assert client_as(peopled, "admin").get("/api/v1/users/zhao").status_code == 404


def test_nobody_gives_himself_a_role_even_through_a_second_account(peopled: House) -> None:
    with peopled.write() as work:
        person = accounts.account(work, "admin").person_id
        a_person(work, "admin2", "bureau", person_id=person)
    for target in ("admin", "admin2"):
        answer = client_as(peopled, "admin").post(
            f"/api/v1/users/{target}/roles", json={"role": "catalog_admin"}
        )
        assert answer.status_code == 403
        assert "own-role" in {reason["code"] for reason in answer.json()["reasons"]}


def test_roles_that_may_not_meet_do_not_meet_in_two_accounts_of_one_person(peopled: House) -> None:
    with peopled.write() as work:
        for first, other in (("second", "second-b"), ("auditor", "auditor-b")):
            a_person(work, other, "bureau", person_id=accounts.account(work, first).person_id)
    for target, role, rule in (
        ("second-b", "approver", "sysadmin-decides"), ("auditor-b", "steward", "auditor-writes"),
    ):  # fmt: skip
        answer = client_as(peopled, "admin").post(f"/api/v1/users/{target}/roles", json={"role": role})
        assert answer.status_code == 403
        assert rule in {reason["code"] for reason in answer.json()["reasons"]}


def test_refusal_lists_every_rule_at_once(peopled: House) -> None:
    with pytest.raises(AccessRefused) as found, peopled.write() as work:
        accounts.give_role(
            work, actor_of(work, "auditor"), "auditor", RoleGive(role=Role.APPLICANT, scope="insurer")
        )
    assert {reason.code for reason in found.value.reasons} == {
        "own-role",
        "auditor-writes",
        "role-of-other-side",
        "scope",
    }


def test_role_with_an_end_stops_counting_then(peopled: House, clock: TestClock) -> None:
    from datetime import timedelta

    with peopled.write() as work:
        end = work.now + timedelta(days=3)
        accounts.give_role(work, actor_of(work, "admin"), "wang", RoleGive(role=Role.ANALYST, valid_to=end))
    clock.forward(days=3, seconds=-1)
    with peopled.read() as work:
        assert actor_of(work, "wang").may("datasets:extract:request")
    clock.forward(seconds=1)
    with peopled.read() as work:
        assert not actor_of(work, "wang").may("datasets:extract:request")


def test_taken_role_stops_counting_in_a_session_that_is_open(peopled: House) -> None:
    browser = browser_as(peopled, "second")
    assert browser.get("/admin/users").status_code == 200
    assignment = client_as(peopled, "admin").get("/api/v1/users/second").json()["roles"][0]["id"]
    assert (
        client_as(peopled, "admin").delete(f"/api/v1/users/second/roles/{assignment}").json()["state"]
        == "WAITING"
    )
    assert browser.get("/admin/users").status_code == 200
    confirm_all(peopled, "third")
    assert browser.get("/admin/users").status_code == 403


def test_disabling_ends_every_session_at_once_and_is_not_for_oneself(peopled: House) -> None:
    browser, admin = browser_as(peopled, "wang"), client_as(peopled, "admin")
    assert browser.get("/me").status_code == 200
    assert admin.post("/api/v1/users/wang/disable").json()["disabled"] is True
    assert browser.get("/me", follow_redirects=False).status_code == 303
    assert admin.post("/api/v1/users/wang/enable").json()["disabled"] is False
    assert browser.get("/me", follow_redirects=False).status_code == 303
    assert admin.post("/api/v1/users/admin/disable").status_code == 403


@pytest.mark.parametrize("who", ["auditor", "wang"])
def test_only_administrators_change_accounts(peopled: House, who: str) -> None:
    client = client_as(peopled, who)
    assert client.post("/api/v1/users/second/disable").status_code == 403
    assert client.post("/api/v1/users/wang/roles", json={"role": "analyst"}).status_code == 403
    assert client.get("/api/v1/users").status_code == (200 if who == "auditor" else 403)


def test_every_change_is_on_record_and_the_chain_holds(peopled: House) -> None:
    admin = client_as(peopled, "admin")
    admin.post("/api/v1/users/wang/disable")
    admin.post("/api/v1/users/wang/enable")
    admin.post("/api/v1/users/wang/roles", json={"role": "analyst"})
    admin.post("/api/v1/users/wang/password", json={"password": "another-river-31"})
    admin.post("/api/v1/keys/turn?at_once=true")
    with peopled.read() as work:
        rows = list(work.db.exec(select(audit.AuditEventRow).order_by(audit.AuditEventRow.seq)))  # type: ignore[arg-type]
        mine = actor_of(work, "admin").account_id
        kinds = [row.kind for row in rows if row.actor_account == mine]
        assert audit.verify(work)[1] is None
    assert kinds == [
        "account.disabled", "account.enabled", "role_change.asked", "account.password_set", "key.turned",
    ]  # fmt: skip
    assert "another-river" not in "".join(row.payload for row in rows)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_of_administration_opens(peopled: House, lang: str) -> None:
    browser = browser_as(peopled, "admin", lang)
    for path in (
        "/admin", "/admin/users", "/admin/users?q=wang&org=insurer", "/admin/users/new", "/admin/users/wang",
        "/admin/users/admin", "/admin/organisations", "/admin/organisations?kind=operator", "/admin/organisations/new",
        "/admin/organisations/insurer", "/admin/organisations/bureau", "/me",
    ):  # fmt: skip
        answer = browser.get(path)
        assert answer.status_code == 200, (path, answer.text[:2000])


def test_refused_form_keeps_what_was_typed(peopled: House) -> None:
    browser = browser_as(peopled, "admin", "en")
    typed = {
        "username": "zhao",
        "name_zh": "赵工",
        "name_en": "Zhao Gong",
        "org_id": "insurer",
        "roles": ["applicant", "approver"],
    }
    answer = browser.submit("/admin/users/new", **typed)
    assert answer.status_code == 403
    assert 'value="Zhao Gong"' in answer.text
    assert "role-of-other-side" in answer.text
    assert browser.submit("/admin/users/new", **(typed | {"roles": ["applicant"]})).status_code == 303
    answer = browser.submit(
        "/admin/organisations/new", kind="operator", name_zh="某某公司", credit_code="91350100M000100Y44"
    )
    assert answer.status_code == 422
    assert 'value="某某公司"' in answer.text
    assert browser.submit("/admin/users/wang/roles", role="approver").status_code == 403
    assert browser.submit("/admin/users/wang/roles", role="analyst").status_code == 303
    assert browser.submit("/admin/users/wang/password", password="short").status_code == 422
    assert browser.submit("/admin/users/wang/disable").status_code == 303


def test_key_is_shown_once_on_the_own_page(peopled: House) -> None:
    browser = browser_as(peopled, "wang")
    made = browser.submit("/me/api-keys", name="夜间任务", days="30", scopes=["auth:grant:read"])
    assert made.status_code == 200
    assert "pda_" in made.text
    later = browser.get("/me").text
    assert "夜间任务" in later
    assert "pda_" not in later
    assert browser.submit("/me/api-keys", name="", days="30").status_code == 422
    assert browser.submit("/me/api-keys", name="x", days="181").status_code == 422


def test_command_prints_the_key_alone(peopled: House, tmp_path: Path) -> None:
    made = _datagrant("token", "issue", "wang", "--data-dir", str(peopled.settings.data_dir))
    assert made.exit_code == 0, made.stderr
    assert made.stdout.startswith("pda_")
    assert len(made.stdout.splitlines()) == 1
    answer = client_as(peopled).get("/api/v1/me", headers={"authorization": f"Bearer {made.stdout.strip()}"})
    # the key was made by the machine's clock, years after the test's: it has not expired at the test's time
    assert answer.json()["username"] == "wang"

    unknown = _datagrant("token", "issue", "nobody", "--data-dir", str(peopled.settings.data_dir))
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "nobody" in unknown.stderr
    assert "Traceback" not in unknown.stderr


@pytest.mark.slow
def test_commands_manage_users_and_organisations(peopled: House) -> None:
    import json

    where = ["--data-dir", str(peopled.settings.data_dir), "--as", "admin", "--json"]
    listed = _datagrant("user", "list", *where)
    assert {row["username"] for row in json.loads(listed.stdout)["items"]} >= {"admin", "wang"}
    refused = _datagrant("user", "give", "wang", "approver", *where)
    assert refused.exit_code == 1
    assert "role-of-other-side" in refused.stderr
    made = _datagrant(
        "org", "create", "mapfirm", "--name-zh", "地图", "--name-en", "Map", "--kind", "developer", *where
    )
    assert json.loads(made.stdout)["licence_state"] == "PENDING"


def _datagrant(*words: str) -> Result:
    return CliRunner().invoke(_assemble(), words)
