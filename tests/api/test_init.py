"""A bureau's own installation begins with two administrators."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.cli import init
from api.first import first_administrators
from api.house import House
from core.errors import AppError, Conflict
from core.text import Text
from tests.people import app_of

WORD = "a-long-enough-word-7"
TWO = [("root", WORD), ("root2", "a-long-enough-word-8")]
NAME = Text("某区数据局", "A district's data bureau")


def test_the_first_administrator_signs_in(house: House) -> None:
    first_administrators(house, TWO, NAME)
    answer = TestClient(app_of(house)).post(
        "/api/v1/auth/token", json={"username": "root", "password": "a-long-enough-word-7"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["access_token"]


def test_nobody_becomes_a_second_first_administrator(sqlite_house: House) -> None:
    first_administrators(sqlite_house, TWO, NAME)
    with pytest.raises(Conflict):
        first_administrators(sqlite_house, [("intruder", WORD), ("other", WORD)], NAME)


def test_a_short_password_is_refused_and_nothing_is_made(sqlite_house: House) -> None:
    with pytest.raises(AppError):
        first_administrators(sqlite_house, [("root", "short"), ("other", WORD)], NAME)
    first_administrators(sqlite_house, TWO, NAME)


def test_the_command_says_what_to_do_next(tmp_path: object) -> None:
    from pathlib import Path

    import typer

    app = typer.Typer()
    app.command()(init.command)
    where = Path(str(tmp_path)) / "mine"
    words = ["--org-zh", "某区数据局", "--org-en", "A bureau", "--password-stdin", "--data-dir", str(where)]
    made = CliRunner().invoke(app, words, input="a-long-enough-word-7\na-long-enough-word-8\n")
    assert made.exit_code == 0, made.output
    assert "datagrant serve" in made.output
    again = CliRunner().invoke(app, words, input="a-long-enough-word-7\na-long-enough-word-8\n")
    assert again.exit_code == 1


def test_one_person_alone_does_not_begin_an_installation(sqlite_house: House) -> None:
    with pytest.raises(AppError, match="two different"):
        first_administrators(sqlite_house, [("root", WORD), ("Root ", WORD)], NAME)
