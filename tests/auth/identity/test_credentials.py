"""One administrator alone gets into nobody's account that decides: passwords, second factors and links take two people."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select

from api.house import House
from auth import audit
from auth.identity import accounts, factor, links
from auth.identity.tables import ChangeRow
from tests.people import PASSWORD, Browser, a_person, an_org, browser_as, client_as, enrolled

NEW = "another-river-31"
LINK = {"issuer": "https://id.example.gov", "subject": "li-at-work"}


@pytest.fixture
def peopled(house: House) -> House:
    with house.write() as work:
        an_org(work, "bureau", "implementing_body")
        an_org(work, "insurer")
        for name in ("zhao", "qian", "third"):
            a_person(work, name, "bureau", ["sysadmin"])
        a_person(work, "li", "bureau", ["approver"], password=PASSWORD)
        a_person(work, "officer", "insurer", ["org_officer"])
        a_person(work, "steward", "bureau", ["steward"])
        a_person(work, "wang", "insurer", ["applicant"])
        a_person(work, "sun", "bureau")
    return house


def _password(house: House, who: str, target: str) -> Any:
    return client_as(house, who).post(f"/api/v1/users/{target}/password", json={"password": NEW})


def _signs_in(house: House, target: str, password: str = NEW) -> bool:
    body = {"username": target, "password": password}
    return client_as(house).post("/api/v1/auth/token", json=body).status_code == 200


def _confirm(house: House, who: str, key: str) -> Any:
    return client_as(house, who).post(f"/api/v1/role-changes/{key}/confirm")


def _waiting(house: House) -> list[dict[str, Any]]:
    answer = client_as(house, "third").get("/api/v1/role-changes", params={"waiting": True})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_one_administrator_alone_never_signs_in_as_an_approver(peopled: House) -> None:
    """The whole attack: password, factor and identity one after the other, and the confirmation by the same hands."""
    enrolled(peopled, "li")
    _password(peopled, "zhao", "li")
    zhao = client_as(peopled, "zhao")
    zhao.post("/api/v1/users/li/second-factor/reset")
    zhao.post("/api/v1/users/li/links", json=LINK)
    for row in _waiting(peopled):
        assert _confirm(peopled, "zhao", row["id"]).status_code == 403
    assert not _signs_in(peopled, "li")
    with peopled.read() as work:
        key = accounts.account(work, "li").id
        assert factor.is_enrolled(work, key)
        assert links.links(work, key) == []


@pytest.mark.parametrize("target", ["li", "officer", "steward", "qian"])
def test_the_password_of_an_account_that_decides_takes_two(peopled: House, target: str) -> None:
    """Another administrator's too: whoever had it would be two administrators."""
    assert _password(peopled, "zhao", target).status_code == 202
    assert not _signs_in(peopled, target)
    (row,) = _waiting(peopled)
    assert row["kind"] == "password.set"
    assert row["role"] is None
    assert _confirm(peopled, "zhao", row["id"]).status_code == 403
    assert _confirm(peopled, target, row["id"]).status_code in (403, 404)
    assert _confirm(peopled, "third", row["id"]).status_code == 200
    assert _signs_in(peopled, target)


def test_a_password_counts_at_once_where_the_account_decides_nothing(peopled: House) -> None:
    assert _password(peopled, "zhao", "wang").status_code == 200
    assert _signs_in(peopled, "wang")


def test_a_second_factor_or_a_role_that_waits_guards_an_account_too(peopled: House) -> None:
    enrolled(peopled, "wang")
    assert _password(peopled, "zhao", "wang").status_code == 202
    asked = client_as(peopled, "zhao").post("/api/v1/users/sun/roles", json={"role": "approver"})
    assert asked.status_code == 202
    assert _password(peopled, "zhao", "sun").status_code == 202


def test_no_hash_is_shown_and_none_stays_once_it_is_settled(peopled: House) -> None:
    _password(peopled, "zhao", "li")
    (row,) = _waiting(peopled)
    assert "argon2" not in str(row)
    assert (
        client_as(peopled, "third").post(f"/api/v1/role-changes/{row['id']}/refuse", json={}).status_code
        == 200
    )
    assert _signs_in(peopled, "li", PASSWORD)
    assert not _signs_in(peopled, "li")
    with peopled.read() as work:
        assert all("argon2" not in kept.detail for kept in work.db.exec(select(ChangeRow)))
        assert all("argon2" not in event.payload for event in work.db.exec(select(audit.AuditEventRow)))
        assert audit.verify(work)[1] is None


def test_a_reset_waits_and_ends_every_session_when_it_is_confirmed(peopled: House) -> None:
    enrolled(peopled, "li")
    li = client_as(peopled, "li")
    zhao = client_as(peopled, "zhao")
    key = zhao.post("/api/v1/users/li/second-factor/reset").json()["id"]
    assert li.get("/api/v1/me").status_code == 200
    assert zhao.post("/api/v1/users/li/second-factor/reset").status_code == 409  # one such waits already
    assert _confirm(peopled, "qian", key).status_code == 200
    assert li.get("/api/v1/me").status_code == 401
    assert zhao.post("/api/v1/users/li/second-factor/reset").status_code == 404


def test_an_identity_signs_in_once_two_have_linked_it_and_belongs_to_one_account(peopled: House) -> None:
    zhao = client_as(peopled, "zhao")
    first = zhao.post("/api/v1/users/wang/links", json=LINK)
    assert first.status_code == 202
    assert LINK["subject"] in first.json()["detail"]
    second = zhao.post("/api/v1/users/sun/links", json=LINK).json()["id"]
    assert _confirm(peopled, "qian", first.json()["id"]).status_code == 200
    assert _confirm(peopled, "qian", second).status_code == 409  # judged anew: it is wang's by now
    assert [row["subject"] for row in zhao.get("/api/v1/users/wang/links").json()["items"]] == [
        LINK["subject"]
    ]


@pytest.mark.parametrize("what", ["password", "second-factor/reset", "links"])
def test_nobody_asks_for_his_own_account_not_even_by_a_second_one(peopled: House, what: str) -> None:
    with peopled.write() as work:
        person = accounts.account(work, "zhao").person_id
        a_person(work, "zhao2", "bureau", ["sysadmin"], person_id=person)
    enrolled(peopled, "zhao")
    body = {"password": {"password": NEW}, "links": LINK}.get(what)
    for who in ("zhao", "zhao2"):
        refused = client_as(peopled, who).post(f"/api/v1/users/zhao/{what}", json=body)
        assert refused.status_code == 403, refused.text
        assert "own-account" in refused.text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pages_ask_and_confirm(peopled: House, lang: str) -> None:
    enrolled(peopled, "li")
    zhao: Browser = browser_as(peopled, "zhao", lang)
    for path, fields in (
        ("password", {"password": NEW}), ("second-factor/reset", {}), ("links", LINK),
    ):  # fmt: skip
        assert zhao.submit(f"/admin/users/li/{path}", **fields).status_code == 303
    assert len(_waiting(peopled)) == 3
    shown = zhao.get("/admin/users/li").text
    assert {"zh": "重置动态验证", "en": "Reset second factor"}[lang] in shown
    qian = browser_as(peopled, "qian", lang)
    assert LINK["subject"] in qian.get("/admin/changes").text
    for row in _waiting(peopled):
        assert qian.submit(f"/admin/changes/{row['id']}/confirm").status_code == 303
    assert _signs_in(peopled, "li")
    assert qian.get("/admin/changes").status_code == 200


def test_an_identity_that_this_version_cannot_read_is_linked_to_nobody_and_others_are_shown(
    peopled: House,
) -> None:
    zhao = client_as(peopled, "zhao")
    one = zhao.post("/api/v1/users/wang/links", json=LINK).json()["id"]
    other = zhao.post("/api/v1/users/sun/links", json=LINK).json()["id"]
    with peopled.write() as work:
        row = work.db.get_one(ChangeRow, one)
        row.detail = row.detail.replace('"issuer":', '"provider":')
        assert "provider" in row.detail
    told = {row["id"]: row["detail"] for row in _waiting(peopled)}
    assert told[one] == "本版本无法读取 · Cannot be read by this version"
    assert LINK["subject"] in told[other]
    refused = client_as(peopled, "qian").post(f"/api/v1/role-changes/{one}/confirm?lang=en")
    assert refused.status_code == 503, refused.text
    assert f"({one}) holds what this version cannot read (issuer, provider)" in refused.json()["detail"]
    assert zhao.get("/api/v1/users/wang/links").json()["items"] == []
