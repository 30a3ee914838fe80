"""One rule on paper: from the menu, as a form, previewed while it is written, tried on old releases, in and out as a file."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select
from typer.testing import CliRunner

from api.cli.suite import app as command
from api.durable import drain
from api.house import House
from core.jobs import JobRow, JobState
from tests.datasets.parking import CLEAN, DATASET, FAILS, SUITE, a_parking_dataset, hand_in, publish
from tests.people import browser_as, client_as

pytestmark = pytest.mark.gx
ROUTE = f"/api/v1/datasets/{DATASET}/suite"
PAGE = f"/datasets/{DATASET}/suite"
TEXT = json.dumps(SUITE)


@pytest.fixture
def stocked(sqlite_house: House) -> House:
    with sqlite_house.write() as work:
        a_parking_dataset(work)
    return sqlite_house


def _drafted(page: str) -> dict[str, Any]:
    """The suite in the editor's text, or carried by the form of one rule."""
    found = re.search(
        r'<textarea[^>]*name="json"[^>]*>(.*?)</textarea>|name="json" value="([^"]*)"', page, re.S
    )
    assert found, page[:2000]
    draft: dict[str, Any] = json.loads(html.unescape(found[1] or found[2]))
    return draft


def _previews(house: House) -> list[JobRow]:
    with house.read() as work:
        return list(
            work.db.exec(select(JobRow).where(JobRow.kind == "suite.preview").order_by(col(JobRow.id)))
        )


def test_a_ready_rule_becomes_a_form_and_then_a_line_of_the_draft(stocked: House) -> None:
    browser = browser_as(stocked, "lin")
    edit = browser.get(f"{PAGE}/edit").text
    assert all(word in edit for word in ("文本列", "必须填写", "多列或整表", "草稿中的规则"))
    form = browser.submit(f"{PAGE}/rule/add", json=TEXT, template="integer:range", column="free", version="1")
    assert form.status_code == 200
    assert 'name="arg-min_value"' in form.text
    assert _drafted(form.text) == SUITE  # carried along, not changed yet
    typed = {
        "json": TEXT, "version": "1", "note": "加一条", "place": "3", "type": "expect_column_values_to_be_between",
        "severity": "warning", "arg-column": "free", "arg-min_value": "0", "arg-max_value": "500", "title_zh": "空位合理",
    }  # fmt: skip
    kept = browser.submit(f"{PAGE}/rule/keep", **typed)
    assert kept.status_code == 200
    assert _drafted(kept.text)["expectations"][3] == {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "free", "min_value": 0, "max_value": 500},
        "severity": "warning",
        "meta": {"title_zh": "空位合理"},
    }
    assert "尚未保存" in kept.text
    assert "加一条" in kept.text
    saved = browser.submit(PAGE, json=json.dumps(_drafted(kept.text)), version="1", note="加一条")
    assert saved.status_code == 303


def test_editing_a_rule_keeps_what_the_form_does_not_show(stocked: House) -> None:
    suite = json.loads(TEXT)
    suite["expectations"][2]["meta"] = {"rule_id": "W1", "why_zh": "见文件", "gbt36344": "0301"}
    text = json.dumps(suite)
    browser = browser_as(stocked, "lin")
    form = browser.submit(f"{PAGE}/rule", json=text, place="2")
    carried = html.unescape(re.findall(r'name="meta" value="([^"]*)"', form.text)[0])
    typed = {
        "json": text, "place": "2", "meta": carried, "type": "expect_column_values_to_be_between", "severity": "info",
        "arg-column": "total", "arg-max_value": "900", "rule_id": "W1", "title_zh": "", "gbt36344": "",
    }  # fmt: skip
    kept = _drafted(browser.submit(f"{PAGE}/rule/keep", **typed).text)["expectations"][2]
    assert kept["meta"] == {"rule_id": "W1", "why_zh": "见文件"}
    assert kept["kwargs"] == {"column": "total", "max_value": 900}


def test_a_fault_in_the_form_shows_the_form_again_with_what_was_typed(stocked: House) -> None:
    browser = browser_as(stocked, "lin")
    typed = {
        "json": TEXT,
        "place": "0",
        "type": "expect_column_values_to_match_regex",
        "arg-column": "lot",
        "arg-regex": "([",
    }
    refused = browser.submit(f"{PAGE}/rule/keep", **typed)
    assert refused.status_code == 422
    assert "正则表达式" in refused.text
    assert "([" in refused.text
    assert _drafted(refused.text) == SUITE
    other = browser.submit(f"{PAGE}/rule/type", **(typed | {"type": "expect_column_values_to_be_unique"}))
    assert 'value="lot" selected' in other.text
    gone = browser.submit(f"{PAGE}/rule/remove", json=TEXT, place="1")
    assert [rule["meta"]["rule_id"] for rule in _drafted(gone.text)["expectations"]] == ["K1", "W1"]
    assert _drafted(browser.submit(f"{PAGE}/rule/cancel", **typed).text) == SUITE
    for step in ("rule", "rule/add", "rule/remove"):
        assert browser.submit(f"{PAGE}/{step}", json="{", place="0").status_code == 422


def test_a_rule_is_previewed_while_it_is_written(stocked: House) -> None:
    hand_in(stocked, "lin", FAILS)
    browser = browser_as(stocked, "lin")
    typed = {"json": TEXT, "place": "1", "type": "expect_column_values_to_be_unique", "arg-column": "lot"}
    live = {"hx-request": "true"}
    first = browser.post(f"{PAGE}/rule/preview", data=typed | {"csrf": browser.csrf}, headers=live)
    second = browser.post(f"{PAGE}/rule/preview", data=typed | {"csrf": browser.csrf}, headers=live)
    address = re.findall(r'hx-get="([^"]*)"', second.text)[0]
    assert "<html" not in first.text
    assert "hx-get" in browser.get(address, headers=live).text
    drain(stocked)
    assert [job.state for job in _previews(stocked)] == [JobState.CANCELLED, JobState.DONE]
    found = browser.get(address, headers=live).text
    assert "这条规则会有 2 行不符" in found
    assert "1, 2" in found
    assert "hx-get" not in found
    assert "<html" in browser.get(address).text
    unfinished = browser.post(
        f"{PAGE}/rule/preview", data=typed | {"arg-column": "", "csrf": browser.csrf}, headers=live
    )
    assert (unfinished.status_code, "还不完整" in unfinished.text) == (200, True)
    without_scripts = browser.submit(f"{PAGE}/rule/preview", **typed)
    assert "查看结果" in without_scripts.text
    assert browser_as(stocked, "zhou").get(address).status_code == 404
    assert not client_as(stocked, "lin").get("/api/v1/jobs?kind=suite.try").json()["items"]
    shown = client_as(stocked, "lin").get("/api/v1/jobs").json()["items"]
    assert {job["kind"] for job in shown} == {"batch.check"}


def test_one_rule_is_previewed_by_a_program(stocked: House) -> None:
    published = publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    client = client_as(stocked, "lin")
    batch = hand_in(stocked, "lin", FAILS)
    rule = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "lot"}}
    asked = [
        client.post(f"{ROUTE}/preview", json={"rule": rule, **on})
        for on in ({}, {"batch_id": batch.id}, {"release_id": published.id})
    ]
    assert [each.status_code for each in asked] == [202, 202, 202]
    drain(stocked)
    assert [job.state for job in _previews(stocked)] == ["cancelled", "cancelled", "done"]
    client.post(f"{ROUTE}/preview", json={"rule": rule})
    drain(stocked)
    last = client.get(f"/api/v1/jobs/{_previews(stocked)[-1].id}").json()["result"]["expectations"]
    assert [(each["unexpected_count"], each["failing_rows"]) for each in last] == [(2, [1, 2])]
    assert client.post(f"{ROUTE}/preview", json={"rule": {"type": "expect_magic"}}).status_code == 422
    assert client.post(f"{ROUTE}/preview", json={"rule": rule, "release_id": "none"}).status_code == 404
    assert client_as(stocked, "other").post(f"{ROUTE}/preview", json={"rule": rule}).status_code == 404
    assert client_as(stocked, "eye").post(f"{ROUTE}/preview", json={"rule": rule}).status_code == 403


def test_the_command_picks_one_rule_of_a_file(stocked: House, tmp_path: Path, monkeypatch: Any) -> None:
    hand_in(stocked, "lin", FAILS)
    path = tmp_path / "suite.json"
    path.write_text(json.dumps(SUITE), encoding="utf-8")

    def wait(api: Any, job_id: str, *, quiet: bool) -> Any:
        drain(stocked)
        return api.get(f"/jobs/{job_id}")

    monkeypatch.setattr("api.client.Api.wait", wait)
    by = ["--data-dir", str(stocked.settings.data_dir), "--as", "lin", "--json"]
    done = CliRunner().invoke(command, ["preview", DATASET, str(path), "--rule", "2", *by])
    assert (done.exit_code, '"unexpected_count": 2' in done.output) == (1, True), done.output
    beyond = CliRunner().invoke(command, ["preview", DATASET, str(path), "--rule", "99", *by])
    assert (beyond.exit_code, "no rule 99" in beyond.output) == (2, True), beyond.output


def test_a_suite_is_tried_on_old_releases_before_it_binds(stocked: House) -> None:
    publish(stocked, "zhou", hand_in(stocked, "lin", CLEAN).id)
    later = CLEAN + "P04,南门,9,3,2026-03-02\n".encode()
    newest = publish(stocked, "zhou", hand_in(stocked, "lin", later).id)
    rule = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "total", "min_value": 10}}
    suite = {"name": "x", "expectations": [rule]}
    client = client_as(stocked, "lin")
    asked = client.post(f"{ROUTE}/try", json={"suite": suite, "releases": 3}).json()
    drain(stocked)
    runs = client.get(f"/api/v1/jobs/{asked['id']}").json()["result"]["runs"]
    assert [(run["release_number"], run["verdict"]) for run in runs] == [(2, "failed"), (1, "passed")]
    assert runs[0]["expectations"][0]["failing_rows"] == [4]
    browser = browser_as(stocked, "lin")
    begun = browser.submit(f"{PAGE}/try", json=json.dumps(suite), version="1", batch=f"release:{newest.id}")
    drain(stocked)
    shown = browser.get(begun.headers["location"]).text
    assert "第 2 版不符" in shown
    assert f'value="release:{newest.id}" selected' in shown
    assert client.post(f"{ROUTE}/try", json={"suite": suite, "release_id": "nobody"}).status_code == 404
    assert (
        client_as(stocked, "other").post(f"{ROUTE}/try", json={"suite": suite, "releases": 2}).status_code
        == 404
    )


def test_a_suite_goes_out_and_in_as_great_expectations_writes_it(stocked: House, tmp_path: Path) -> None:
    where = ["--data-dir", str(stocked.settings.data_dir), "--as", "lin"]
    file = tmp_path / "gx.json"
    assert CliRunner().invoke(command, ["export", DATASET, "--out", str(file), *where]).exit_code == 0
    written = json.loads(file.read_text(encoding="utf-8"))
    assert written["meta"]["datagrant"]["version"] == 1
    from great_expectations import ExpectationSuite

    theirs = ExpectationSuite(
        **{key: written[key] for key in ("name", "expectations", "meta", "notes")}
    ).to_json_dict()
    theirs["expectations"][2]["kwargs"]["max_value"] = 400
    file.write_text(json.dumps(theirs), encoding="utf-8")
    browser = browser_as(stocked, "lin")
    read = browser.post(
        f"{PAGE}/import",
        data={"csrf": browser.csrf, "version": "1"},
        files={"file": ("gx.json", file.read_bytes())},
    )
    assert read.status_code == 200
    assert _drafted(read.text)["expectations"][2]["kwargs"]["max_value"] == 400
    assert client_as(stocked, "lin").get(ROUTE).json()["number"] == 1
    done = CliRunner().invoke(command, ["import", DATASET, str(file), "--json", *where])
    assert json.loads(done.stdout)["number"] == 2, done.output
    (change,) = client_as(stocked, "lin").get(f"{ROUTE}/difference/1/2").json()["items"]
    assert change["parts"] == [{"name": "max_value", "before": 5000, "after": 400}]
    assert "上限" in browser.get(f"{PAGE}/difference/1/2").text
    bad = browser.post(
        f"{PAGE}/import",
        data={"csrf": browser.csrf},
        files={"file": ("x.json", b'{"expectations": [{"type": "no_such"}]}')},
    )
    assert (bad.status_code, "不存在" in bad.text) == (422, True)
    assert browser.post(f"{PAGE}/import", data={"csrf": browser.csrf}).status_code == 422
