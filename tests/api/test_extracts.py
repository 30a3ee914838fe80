"""Extracts over HTTP, as pages and as commands."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from api.cli.extract import app
from api.house import House
from datasets.extracts.tables import ExtractRow
from tests.datasets.extracts.scene import Scene, a_scene
from tests.people import Browser, a_person, browser_as, client_as

API = "/api/v1/extracts"


@pytest.fixture
def scene(sqlite_house: House) -> Scene:
    return a_scene(sqlite_house)


@pytest.fixture
def analyst(scene: Scene) -> TestClient:
    return client_as(scene.house, "analyst")


def _ask(scene: Scene, **changes: Any) -> dict[str, Any]:
    return {"grant_id": scene.grant_id, "purpose": "risk-pricing", "scenario_id": "safety"} | changes


def test_plan_ask_follow_download_and_prove(scene: Scene, analyst: TestClient) -> None:
    body = _ask(scene, columns=["venue_id", "rooms"], filter={"op": "gt", "column": "rooms", "value": 10})
    plan = analyst.post(f"{API}/plan", json=body).json()
    assert (plan["permitted"], plan["rows_within"], plan["rows_in_release"]) == (True, 10, 5)
    assert plan["rows"] in (0, 5)  # it has 3; a checker stands between
    asked = analyst.post(API, json=body)
    assert (asked.status_code, asked.json()["state"]) == (202, "building")
    extract = f"{API}/{asked.json()['id']}"
    early = analyst.get(f"{extract}/file")
    assert (early.status_code, early.json()["type"]) == (409, "/problems/conflict")
    assert analyst.get(f"{extract}/receipt").status_code == 409
    scene.works()
    ready = analyst.get(extract).json()
    assert (ready["state"], ready["rows"], ready["downloads"]) == ("ready", 3, 0)
    file = analyst.get(f"{extract}/file")
    assert hashlib.sha256(file.content).hexdigest() == ready["sha256"]
    assert file.headers["etag"] == f'"{ready["sha256"]}"'
    receipt = analyst.get(f"{extract}/receipt")
    assert hashlib.sha256(receipt.content).hexdigest() == ready["receipt_hash"]
    assert analyst.get(API).json()["items"][0]["downloads"] == 1


def test_a_refusal_over_http_lists_every_reason_with_its_rule(scene: Scene, analyst: TestClient) -> None:
    scene.suspends()
    body = _ask(scene, columns=["secret_note"], purpose="research")
    answer = analyst.post(API, json=body, headers={"accept-language": "en"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    codes = [reason["code"] for reason in answer.json()["reasons"]]
    assert codes == ["grant-not-active", "column-not-granted", "purpose-mismatch"]
    plan = analyst.post(f"{API}/plan", json=body).json()
    assert [reason["code"] for reason in plan["reasons"]] == codes
    assert len(scene.events("extract.refused")) == 1


def test_a_malformed_request_is_refused_before_it_means_anything(scene: Scene, analyst: TestClient) -> None:
    for bad in (
        {"columns": "venue_id"}, {"filter": {"op": "sql", "column": "x", "value": "1"}}, {"grant_id": None}, {"org_id": "bureau"},
        {"quotas": {"extracts": 9}}, {"form": "xlsx"}, {"purpose": ""}, {"filter": {"op": "eq", "column": "rooms", "value": {"a": 1}}},
    ):  # fmt: skip
        assert analyst.post(API, json=_ask(scene) | bad).status_code == 422, bad
    assert not scene.events("extract.")


def test_another_organisation_sees_nothing_of_it(scene: Scene) -> None:
    made = scene.delivered()
    other = client_as(scene.house, "officer2")
    assert other.get(API).json() == {"items": [], "total": 0, "next": None}
    for path in (
        f"{API}/{made.id}",
        f"{API}/{made.id}/receipt",
        f"/extracts/{made.id}",
        f"/extracts/{made.id}/receipt.json",
    ):
        answer = other.get(path, headers={"if-none-match": f'"{made.sha256}"'})
        assert answer.status_code == 404, path
        assert made.id not in answer.text.replace(path, "")
    assert other.get(f"{API}?dataset_id={made.dataset_id}&grant_id={made.grant_id}").json()["total"] == 0


def test_an_analyst_of_another_organisation_cannot_take_it(scene: Scene) -> None:
    made = scene.delivered()
    with scene.house.write() as work:
        a_person(work, "rival", "mapper", ["analyst"])
    rival = client_as(scene.house, "rival")
    for method in ("GET", "HEAD"):
        assert (
            rival.request(method, f"{API}/{made.id}/file", headers={"range": "bytes=0-1"}).status_code == 404
        )
    assert rival.post(API, json=_ask(scene)).status_code == 404
    assert rival.post(f"{API}/plan", json=_ask(scene)).status_code == 404
    assert not scene.events("extract.downloaded")


def test_the_auditor_sees_it_and_takes_nothing(scene: Scene) -> None:
    made = scene.delivered()
    auditor = client_as(scene.house, "auditor")
    assert auditor.get(f"{API}/{made.id}").json()["sha256"] == made.sha256
    assert auditor.get(f"{API}/{made.id}/receipt").status_code == 200
    assert auditor.get(f"{API}/{made.id}/file").status_code == 403
    assert auditor.get(f"/extracts/{made.id}").status_code == 200
    assert auditor.post(API, json=_ask(scene)).status_code == 403
    assert not scene.events("extract.downloaded")


def test_a_visitor_is_asked_to_sign_in(scene: Scene) -> None:
    made = scene.delivered()
    visitor = client_as(scene.house)
    assert visitor.get(f"{API}/{made.id}/file").status_code == 401
    page = visitor.get(f"/extracts/{made.id}", headers={"accept": "text/html"}, follow_redirects=False)
    assert (page.status_code, page.headers["location"]) == (303, f"/sign-in?next=/extracts/{made.id}")


def test_every_download_is_written_down_before_its_first_byte(
    scene: Scene, analyst: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scene.delivered()
    seen: list[int] = []
    monkeypatch.setattr(
        "api.routes.extracts.deliver", lambda *_, **__: seen.append(len(scene.events("extract.downloaded")))
    )
    analyst.get(f"{API}/{made.id}/file", headers={"range": "bytes=0-9"})
    assert seen == [1]
    assert scene.events("extract.downloaded")[0][1] == {
        "sha256": made.sha256,
        "range": "bytes=0-9",
        "release": 1,
    }


def test_what_sends_no_bytes_is_no_download(scene: Scene, analyst: TestClient) -> None:
    made = scene.delivered()
    assert analyst.head(f"{API}/{made.id}/file").headers["content-length"] == str(made.size_bytes)
    held = analyst.get(f"{API}/{made.id}/file", headers={"if-none-match": f'"{made.sha256}"'})
    assert held.status_code == 304
    assert not scene.events("extract.downloaded")
    assert scene.extract(made.id).downloads == 0


def test_an_ended_grant_answers_no_question_about_the_file(scene: Scene, analyst: TestClient) -> None:
    made = scene.delivered()
    scene.revokes()
    for how in (
        {"if-none-match": f'"{made.sha256}"'},
        {"range": "bytes=0-0"},
        {"if-range": f'"{made.sha256}"'},
    ):
        for method in ("GET", "HEAD"):
            assert analyst.request(method, f"{API}/{made.id}/file", headers=how).status_code == 403


def test_bytes_that_left_are_counted(scene: Scene, analyst: TestClient) -> None:
    made = scene.delivered()
    analyst.get(f"{API}/{made.id}/file", headers={"range": "bytes=0-99"})
    analyst.get(f"{API}/{made.id}/file", headers={"range": "bytes=99999999-"})
    with scene.house.read() as work:
        assert work.db.get_one(ExtractRow, made.id).bytes_sent == 100


# ---- pages


@pytest.fixture
def browser(scene: Scene) -> Browser:
    return browser_as(scene.house, "analyst")


def test_the_form_works_without_scripts_from_choice_to_file(scene: Scene, browser: Browser) -> None:
    assert f"/extracts/new?grant={scene.grant_id}" in browser.get("/extracts/new").text
    form = browser.get(f"/extracts/new?grant={scene.grant_id}").text
    assert "secret_note" not in form
    sent = _form(scene, columns=["venue_id", "rooms"], **{"column-0": "rooms", "op-0": "ge", "value-0": "12"})
    plan = browser.submit("/extracts/new", plan="yes", **sent)
    assert (plan.status_code, "5 行中取出至多约 5 行、2 列" in plan.text) == (200, True)
    asked = browser.submit("/extracts/new", **sent)
    assert asked.status_code == 303
    page = asked.headers["location"]
    assert "生成中" in browser.get(page).text
    scene.works()
    ready = browser.get(page).text
    assert "可下载" in ready
    file = browser.get(f"{page}/file")
    assert hashlib.sha256(file.content).hexdigest() in ready
    assert browser.get(f"{page}/receipt.json").headers["content-disposition"].startswith("attachment")
    assert browser.get("/extracts").text.count(page) == 1


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_refused_form_says_every_reason_and_keeps_what_was_chosen(scene: Scene, lang: str) -> None:
    browser = browser_as(scene.house, "analyst", lang)
    scene.suspends()
    sent = _form(
        scene,
        columns=["rooms"],
        purpose="research",
        form="extract_csv",
        **{"column-1": "district", "op-1": "in", "value-1": "大鹏，南澳"},
    )
    answer = browser.submit("/extracts/new", **sent)
    assert answer.status_code == 422
    assert "grant-not-active" in answer.text
    assert "purpose-mismatch" in answer.text
    assert re.findall(r'name="columns" value="(\w+)" checked', answer.text) == ["rooms"]
    assert 'value="大鹏，南澳"' in answer.text
    assert re.search(r'value="district"\s+selected', answer.text)
    assert re.search(r'value="in"\s+selected', answer.text)
    assert re.search(r'value="extract_csv"\s+selected', answer.text)


def test_a_form_that_cannot_be_read_is_explained(browser: Browser, scene: Scene) -> None:
    for changes, said in (
        ({"columns": []}, "请至少勾选一列"),
        ({"column-0": "rooms", "op-0": "gt", "value-0": "十二"}, "不是数字"),
        ({"column-0": "rooms", "op-0": "gt", "value-0": "99999999999999999999"}, "有误"),
        ({"column-0": "opened_on", "op-0": "eq", "value-0": "三月"}, "opened_on"),
        ({"form": "<script>alert(1)</script>"}, "form"),
    ):
        answer = browser.submit("/extracts/new", **_form(scene) | changes)
        assert answer.status_code == 422
        assert said in answer.text
        assert "<script>alert" not in answer.text


def test_a_form_without_its_token_is_refused(browser: Browser, scene: Scene) -> None:
    answer = browser.post("/extracts/new", data=_form(scene), follow_redirects=False)
    assert answer.status_code == 403
    assert not scene.events("extract.requested")


def test_a_form_for_the_grant_of_others_is_not_found(scene: Scene) -> None:
    with scene.house.write() as work:
        a_person(work, "rival", "mapper", ["analyst"])
    rival = browser_as(scene.house, "rival")
    assert rival.get(f"/extracts/new?grant={scene.grant_id}").status_code == 404
    assert rival.submit("/extracts/new", **_form(scene)).status_code == 404


def test_the_page_of_a_failed_extract_says_why(scene: Scene, browser: Browser) -> None:
    made = scene.asks()
    scene.withdraws()
    scene.works()
    text = browser.get(f"/extracts/{made.id}").text
    assert "提取次数已退还" in text
    assert "已撤回" in text


def test_the_page_of_a_stopped_extract_offers_no_file(scene: Scene, browser: Browser) -> None:
    made = scene.delivered()
    scene.suspends()
    text = browser.get(f"/extracts/{made.id}").text
    assert "grant-not-active" in text
    assert f'href="/extracts/{made.id}/file"' not in text


def test_the_list_bears_any_question(scene: Scene, browser: Browser) -> None:
    scene.delivered()
    for query in (
        "page=0", "page=999999", "page=x", "sort=nothing", "state=ready", "state=%27", "sort=-rows", "sort=dataset", "sort=downloads",
    ):  # fmt: skip
        assert browser.get(f"/extracts?{query}").status_code == 200, query


def _form(scene: Scene, **changes: Any) -> dict[str, Any]:
    return {
        "grant": scene.grant_id, "scenario": "safety", "purpose": "risk-pricing", "form": "extract_parquet", "release": "",
        "columns": ["venue_id"],
    } | changes  # fmt: skip


# ---- commands


@pytest.fixture
def run(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`datagrant extract …` in this scene's directory, by this scene's clock."""
    monkeypatch.setattr("api.house.open_house", lambda _settings: scene.house)

    def run(*words: str, user: str = "analyst") -> Result:
        return CliRunner().invoke(
            app, [*words, "--data-dir", str(scene.house.settings.data_dir), "--as", user]
        )

    return run


def test_the_commands_do_the_same_job(scene: Scene, run: Any, tmp_path: Path) -> None:
    use = ("--purpose", "risk-pricing", "--scenario", "safety", "--columns", "venue_id,rooms")
    plan = json.loads(run("plan", scene.grant_id, *use, "--json").stdout)
    assert (plan["permitted"], plan["rows"] in (0, 5)) == (True, True)
    made = json.loads(run("request", scene.grant_id, *use, "--json").stdout)
    scene.works()
    assert made["id"] in run("list", "--json").stdout
    shown = json.loads(run("show", made["id"], "--json").stdout)
    assert shown["state"] == "ready"
    out = tmp_path / "out.parquet"
    assert run("download", made["id"], str(out), "--json").exit_code == 0
    assert hashlib.sha256(out.read_bytes()).hexdigest() == shown["sha256"]
    receipt = run("receipt", made["id"], "--json")
    assert hashlib.sha256(receipt.stdout_bytes).hexdigest() == shown["receipt_hash"]
    assert "venue_id" in run("receipt", made["id"]).stdout


def test_a_refused_command_says_every_reason_on_stderr(scene: Scene, run: Any) -> None:
    scene.suspends()
    answer = run("request", scene.grant_id, "--purpose", "research", "--scenario", "safety")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "grant-not-active" in answer.stderr
    assert "purpose-mismatch" in answer.stderr


def test_a_filter_that_is_no_json_is_explained(scene: Scene, run: Any) -> None:
    answer = run("plan", scene.grant_id, "--purpose", "x", "--scenario", "y", "--filter", "rooms > 10")
    assert answer.exit_code == 2
    assert "not JSON" in answer.stderr


def test_a_download_that_differs_from_its_record_does_not_stay(
    scene: Scene, run: Any, tmp_path: Path
) -> None:
    made = scene.delivered()
    path = scene.file(made.id)
    path.chmod(0o640)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    out = tmp_path / "out.parquet"
    answer = run("download", made.id, str(out))
    assert answer.exit_code == 1
    assert "is not the recorded" in answer.stderr
    assert not out.exists()
