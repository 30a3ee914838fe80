"""One's own sessions and password by command: shown, ended one by one or all, and changed with the present password."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.token import app as command
from api.house import House, open_house
from tests.people import PASSWORD, a_person, an_org, browser_as, client_as

NEW = "a new one for spring 2026"


@pytest.fixture
def peopled(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    with sqlite_house.write() as work:
        an_org(work, "insurer")
        a_person(work, "wang", "insurer", ["applicant"], password=PASSWORD)
        a_person(work, "zhao", "insurer", ["applicant"], password=PASSWORD)
    monkeypatch.setattr("api.house.open_house", partial(open_house, clock=sqlite_house.clock))
    return sqlite_house


def run(house: House, *words: str, typed: str | None = None) -> Any:
    where = ["--data-dir", str(house.settings.data_dir), "--as", "wang", "--json"]
    return CliRunner().invoke(command, [*words, *where], input=typed)


def test_sessions_are_shown_and_ended_one_by_one_and_all(peopled: House) -> None:
    first, second, other = (browser_as(peopled, who) for who in ("wang", "wang", "zhao"))
    shown = json.loads(run(peopled, "sessions").stdout)["items"]
    assert len(shown) == 2, "one's own alone"
    left = json.loads(run(peopled, "end-session", shown[0]["id"]).stdout)["items"]
    assert [each["id"] for each in left] == [shown[1]["id"]]
    stranger = client_as(peopled, "zhao").get("/api/v1/me/sessions").json()["items"][0]["id"]
    assert run(peopled, "end-session", stranger).exit_code == 1
    assert run(peopled, "sign-out-everywhere").exit_code == 0
    for browser in (first, second):
        assert browser.get("/me", follow_redirects=False).headers["location"].startswith("/sign-in")
    assert other.get("/me").status_code == 200


def test_the_password_is_changed_with_the_present_one(peopled: House) -> None:
    def signs_in(password: str) -> int:
        proof = {"username": "wang", "password": password}
        return client_as(peopled).post("/api/v1/auth/token", json=proof).status_code

    assert run(peopled, "password", typed=f"wrong\n{NEW}\n").exit_code == 1
    assert run(peopled, "password", typed=f"{PASSWORD}\nshort\n").exit_code == 1
    assert (signs_in(PASSWORD), signs_in(NEW)) == (200, 401)
    done = run(peopled, "password", typed=f"{PASSWORD}\n{NEW}\n")
    assert done.exit_code == 0, done.output
    assert NEW not in done.output
    assert (signs_in(PASSWORD), signs_in(NEW)) == (401, 200)
