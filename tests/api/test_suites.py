"""Suites over HTTP: routes, pages and command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.suite import app as command
from api.house import House
from tests.catalog.records import a_dataset, a_department
from tests.people import browser_as, client_as

ROUTE = "/api/v1/datasets/DP-PK-001/suite"
PAGE = "/datasets/DP-PK-001/suite"
RULE = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "lot_id"}, "severity": "warning"}
SUITE = {"name": "停车", "expectations": [RULE]}


@pytest.fixture
def desk(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_department(work, "traffic")
        a_department(work, "culture")
        a_dataset(work, "DP-PK-001", "traffic")
    return sqlite_house


def _save(desk: House, suite: Any = SUITE, who: str = "traffic-steward", **headers: str) -> Any:
    return client_as(desk, who).put(ROUTE, json={"suite": suite, "note": "初版"}, headers=headers)


def test_a_suite_is_saved_and_read_back_with_its_version(desk: House) -> None:
    saved = _save(desk)
    assert (saved.status_code, saved.json()["number"], saved.headers["etag"]) == (200, 1, '"1"')
    read = client_as(desk, "traffic-steward").get(ROUTE).json()
    assert read["suite"]["expectations"] == [RULE | {"meta": {}}]


def test_a_faulty_suite_is_refused_with_every_reason(desk: House) -> None:
    answer = _save(desk, {"name": "x", "expectations": [{"type": "expect_magic"}, {**RULE, "kwargs": {}}]})
    assert answer.headers["content-type"] == "application/problem+json"
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["unknown-type", "missing-argument"]


def test_who_saw_an_older_version_is_told(desk: House) -> None:
    _save(desk)
    _save(desk, SUITE | {"name": "y"})
    assert _save(desk, SUITE | {"name": "z"}, **{"If-Match": '"1"'}).status_code == 412


def test_history_and_difference_are_served(desk: House) -> None:
    _save(desk)
    _save(desk, {"name": "停车", "expectations": [RULE | {"severity": "critical"}]})
    client = client_as(desk, "traffic-steward")
    assert [each["number"] for each in client.get(f"{ROUTE}/history").json()["items"]] == [2, 1]
    (change,) = client.get(f"{ROUTE}/difference/1/2").json()["items"]
    assert (change["change"], change["after"]["severity"]) == ("changed", "critical")


def test_another_department_finds_nothing(desk: House) -> None:
    _save(desk)
    assert client_as(desk, "culture-steward").get(ROUTE).status_code == 404
    assert browser_as(desk, "culture-steward").get(PAGE).status_code == 404
    assert browser_as(desk, "culture-steward").get(f"{PAGE}/edit").status_code == 404


@pytest.mark.parametrize(("lang", "said"), [("zh", "“lot_id”不得为空"), ("en", "must not be empty")])
def test_the_page_says_the_rules_in_plain_language(desk: House, lang: str, said: str) -> None:
    browser = browser_as(desk, "traffic-steward", lang)
    assert f"{PAGE}/edit" in browser.get(PAGE).text  # no suite yet: the page offers to make one
    _save(desk)
    shown = browser.get(PAGE)
    assert shown.status_code == 200
    assert said in shown.text.replace("&#34;", '"')
    assert "0201" in shown.text


def test_the_editor_saves_a_version_and_shows_it(desk: House) -> None:
    browser = browser_as(desk, "traffic-steward")
    assert (
        "expect_table_columns_to_match_set" in browser.get(f"{PAGE}/edit").text
    )  # the starter from the dictionary
    saved = browser.submit(PAGE, json=json.dumps(SUITE), note="初版", version="0")
    assert (saved.status_code, saved.headers["location"]) == (303, PAGE)
    assert "初版" in browser.get(f"{PAGE}/history").text
    assert "停车" in browser.get(f"{PAGE}/edit").text


def test_a_refused_edit_keeps_what_was_typed_and_names_the_line(desk: House) -> None:
    typed = '{"name": "x",\n "expectations": [\n  {"type": "expect_magic"}\n]}'
    answer = browser_as(desk, "traffic-steward", "en").submit(PAGE, json=typed, note="我的说明", version="0")
    assert answer.status_code == 422
    assert "line 3" in answer.text
    assert "expect_magic" in answer.text
    assert "我的说明" in answer.text


def test_a_stale_edit_is_shown_again(desk: House) -> None:
    _save(desk)
    answer = browser_as(desk, "traffic-steward").submit(
        PAGE, json=json.dumps(SUITE | {"name": "y"}), version="0"
    )
    assert answer.status_code == 409
    assert "第 1 版" in answer.text


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_difference_page_shows_rules_and_lines(desk: House, lang: str) -> None:
    _save(desk)
    _save(desk, {"name": "停车", "expectations": [RULE | {"severity": "critical"}]})
    shown = browser_as(desk, "traffic-steward", lang).get(f"{PAGE}/difference/1/2")
    assert shown.status_code == 200
    assert ("修改" if lang == "zh" else "changed") in shown.text
    assert "<ins>" in shown.text


def test_the_command_shows_saves_and_compares(desk: House, tmp_path: Path) -> None:
    file = tmp_path / "suite.json"
    file.write_text(json.dumps(SUITE), encoding="utf-8")
    where = ["--data-dir", str(desk.settings.data_dir), "--as", "traffic-steward", "--json"]

    def run(*words: str) -> Any:
        ran = CliRunner().invoke(command, [*words, *where])
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    assert run("save", "DP-PK-001", str(file), "--note", "初版")["number"] == 1
    file.write_text(json.dumps(SUITE | {"expectations": [RULE | {"severity": "info"}]}), encoding="utf-8")
    assert run("save", "DP-PK-001", str(file))["number"] == 2
    assert run("show", "DP-PK-001", "--number", "1")["note"] == "初版"
    assert [each["number"] for each in run("history", "DP-PK-001")["items"]] == [2, 1]
    assert run("difference", "DP-PK-001", "1", "2")["items"][0]["change"] == "changed"
